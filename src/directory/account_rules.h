// What the values of an account may be. Pure.
#pragma once

#include "base/result.h"
#include "directory/directory.h"

namespace sims::directory {

// Whether every value present in the change is one an account may have.
Result<> check_change(const AccountChange& change);

}  // namespace sims::directory
