// TLS from the first byte (RFC 8314 3.3), for services that greet only then.
#pragma once

#include <chrono>

#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "net/stream.h"
#include "net/tls_context.h"

namespace sims::serve {

namespace asio = boost::asio;

inline constexpr std::chrono::seconds handshake_within{60};

// False: no handshake (logged as "SERVICE.tls_failed"), or no certificate to offer; the session ends.
asio::awaitable<bool> begin_with_tls(net::Stream& stream, net::TlsContextPointer context, Service service,
                                     Log& log);

}  // namespace sims::serve
