// poppassd over a stream: performs what poppass::Session asks for. The only poppassd file that knows Asio.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/log.h"
#include "net/stream.h"
#include "net/tls_context.h"
#include "proto/poppass/session.h"
#include "serve/login.h"

namespace sims::serve {

struct PoppassLimits {
    std::chrono::seconds login{60};       // from the greeting (or the TLS handshake) to the old password
    std::chrono::seconds newpass{60};     // from there to the end; people type it
    std::chrono::seconds last_words{60};  // to take the answer, once it is there
    poppass::Limits session;
};

// What a session needs; outlives every session it was given to. Minimum length and pause are settings of the
// directory ("pwd").
struct PoppassServices {
    LoginDesk desk;
    Log& log;
    std::string hostname;
    std::function<net::TlsContextPointer()> tls;  // the certificate of the moment
    PoppassLimits limits;
};

asio::awaitable<void> serve_poppass(std::unique_ptr<net::Stream> stream, const PoppassServices& services);
// The same under TLS from the first byte.
asio::awaitable<void> serve_poppass_tls(std::unique_ptr<net::Stream> stream, const PoppassServices& services);

}  // namespace sims::serve
