// What this host is called, and which addresses are its own. Asks the system; may wait for its resolver.
#pragma once

#include <string>
#include <vector>

#include "app/start_settings.h"

namespace sims::app {

// The full name, and what is behind its first dot (the whole name when there is none). "localhost" at worst.
HostNames host_names();

// Addresses of the interfaces, "192.0.2.1", "2001:db8::1", without link-local ones.
std::vector<std::string> own_addresses();

}  // namespace sims::app
