// The grammar of host names, shared by the address and its converter to A-labels.
#pragma once

#include <string_view>

namespace sims::mail {

// Labels of 1 to 63 ASCII letters, digits, hyphens (not at the ends) and underscores, between dots; no dot at
// the end (RFC 5321 4.1.2, and the underscores of the real world).
bool is_host_name(std::string_view domain);

}  // namespace sims::mail
