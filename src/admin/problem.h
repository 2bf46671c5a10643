// What went wrong with an operation: an Error, and the field of the request it is about.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace sims::admin {

struct Problem {
    Problem() = default;
    Problem(Error error)
        : fault(error.fault), text(std::move(error.text)) {}  // NOLINT: an Error is a Problem
    Problem(Fault why, std::string sentence, std::string about = {})
        : fault(why), text(std::move(sentence)), field(std::move(about)) {}
    Fault fault = Fault::io;
    std::string text;
    std::string field;  // a key, an attribute; empty when the request as a whole is meant
};

[[noreturn]] inline void throw_exception_from_error(const Problem& problem,
                                                    const boost::source_location& where) {
    broken_invariant(problem.text, where);
}

template <class T = void>
using Outcome = boost::system::result<T, Problem>;

}  // namespace sims::admin
