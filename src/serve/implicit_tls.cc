#include "serve/implicit_tls.h"

#include <string>

namespace sims::serve {

asio::awaitable<bool> begin_with_tls(net::Stream& stream, net::TlsContextPointer context, Service service,
                                     Log& log) {
    if (context == nullptr) co_return false;
    stream.expect_within(handshake_within);
    const Result<> shaken = co_await stream.accept_tls(*context);
    if (shaken) co_return true;
    const auto event = std::string(name_of(service)) + ".tls_failed";
    log.line(LogLevel::problems, service, "", event, "TLS with {}: {}", stream.peer_address(),
             shaken.error().text);
    co_return false;
}

}  // namespace sims::serve
