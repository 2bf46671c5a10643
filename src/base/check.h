// A broken invariant stops the program, in release builds too. Never for data from outside: that is an Error.
#pragma once

#include <string_view>

#include <boost/assert/source_location.hpp>

namespace sims {

[[noreturn]] void broken_invariant(std::string_view what, const boost::source_location& where);

inline void check(bool holds, std::string_view what,
                  const boost::source_location& where = BOOST_CURRENT_LOCATION) {
    if (!holds) [[unlikely]]
        broken_invariant(what, where);
}

}  // namespace sims
