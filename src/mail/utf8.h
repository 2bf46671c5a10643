// UTF-8, checked.
#pragma once

#include <string_view>

namespace sims::mail {

// Well-formed (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace sims::mail
