#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sims {

void broken_invariant(std::string_view what, const boost::source_location& where) {
    // Straight to the descriptor: nothing that may allocate or lock runs after this.
    std::fprintf(stderr, "sims: broken invariant: %.*s (%s:%u)\n", static_cast<int>(what.size()), what.data(),
                 where.file_name(), static_cast<unsigned>(where.line()));
    std::abort();
}

}  // namespace sims
