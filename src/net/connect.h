// A connection to somewhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "net/stream.h"

namespace sims::net {

struct ConnectTarget {
    std::string address;  // IPv4 or IPv6, no name, no brackets
    std::uint16_t port = 25;
    std::chrono::seconds within{30};
    std::string source;  // the local address to come from, or empty

    // Has constructors on purpose: g++ 12 frees aggregate temporaries twice in a co_await expression.
    ConnectTarget(std::string to, std::uint16_t at_port) : address(std::move(to)), port(at_port) {}
};

// Called by a coroutine that runs on `reactor`, to which the stream belongs. `within` stays its deadline
// until the caller sets another. Errors: `unavailable` with address, port and the system's words; `invalid`
// for an address that is none.
asio::awaitable<Result<std::unique_ptr<Stream>>> connect(asio::io_context& reactor, ConnectTarget target);

// The same over the Unix socket at `path`.
asio::awaitable<Result<std::unique_ptr<Stream>>> connect_local(asio::io_context& reactor, std::string path);

}  // namespace sims::net
