// Expected failure is a value: a kind the caller can act on, and a sentence for the log or the administrator.
// A peer on the network never sees the sentence.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <boost/system/result.hpp>

#include "base/check.h"

namespace sims {

// What went wrong, by what the caller can do about it.
enum class Fault {
    invalid,      // bad input: say so to whoever gave it
    not_found,    // no such thing
    exists,       // there is one already
    refused,      // not allowed, by rule or by rights
    busy,         // somebody else holds it: try again soon
    no_space,     // disk or quota full: try again later
    limit,        // a named limit was reached
    corrupt,      // stored bytes do not check out
    io,           // the system failed: try again later
    unavailable,  // a peer or service did not answer: try again later
};

struct Error {
    Fault fault = Fault::io;
    std::string
        text;  // one sentence: what, where (path, address, file:line), and what to do where that is known
};

// Trouble that passes by itself or by an administrator's hand: the peer hears 4yz and nothing is given up.
constexpr bool is_temporary(Fault fault) {
    switch (fault) {
        case Fault::busy:
        case Fault::no_space:
        case Fault::io:
        case Fault::unavailable:
        case Fault::corrupt: return true;
        case Fault::invalid:
        case Fault::not_found:
        case Fault::exists:
        case Fault::refused:
        case Fault::limit: return false;
    }
    return true;
}

std::string_view name_of(Fault fault);

// value() on a failed result is our own bug.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location& where) {
    broken_invariant(error.text, where);
}

template <class T = void>
using Result = boost::system::result<T, Error>;

inline Error fail(Fault fault, std::string text) { return Error{fault, std::move(text)}; }

// An errno as an Error: "open /x/y: No space left on device". `operation` is a word or two.
Error system_error(int number, std::string_view operation, std::string_view path);

}  // namespace sims
