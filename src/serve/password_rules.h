// What a password somebody chooses must be like. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace sims::serve {

// Errors: one sentence for the user, without either password. Characters are those of UTF-8; bytes, where
// the text is none.
Result<> check_new_password(std::string_view chosen, std::string_view old, std::size_t characters_min);

}  // namespace sims::serve
