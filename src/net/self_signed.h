// The certificate of a server that was given none.
#pragma once

#include <string>

#include "base/result.h"

namespace sims::net {

// Writes a self-signed ECDSA P-256 certificate for `hostname` (CN and SAN), valid ten years, and its key,
// both PEM and mode 0600, each complete or not there. The folder must exist. Files that are there are
// replaced.
Result<> make_self_signed(const std::string& hostname, const std::string& certificate_path,
                          const std::string& key_path);

}  // namespace sims::net
