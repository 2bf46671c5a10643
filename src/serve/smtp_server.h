// SMTP over a stream: performs what smtp::ServerSession asks for. The only receiving SMTP file that knows
// Asio. Lines that have arrived are answered without a wait between them, and their replies go out together
// (RFC 2920); a message's content goes to the post office as it comes, by a disk thread when that may block.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/log.h"
#include "net/stream.h"
#include "net/tls_context.h"
#include "office/post_office.h"
#include "proto/smtp/server_session.h"
#include "serve/login.h"
#include "serve/sasl_secrets.h"

namespace sims::serve {

namespace asio = boost::asio;

// For who may log in.
struct SmtpLogins {
    LoginDesk desk;
    SaslSecrets secrets;
    std::chrono::seconds failure_pause{1};  // times the failures so far
};

// What a session needs; outlives every session it was given to.
struct SmtpServices {
    office::PostOffice& office;
    asio::thread_pool& disk;
    Log& log;
    std::string hostname;
    std::function<net::TlsContextPointer()> tls;  // the certificate of the moment; nullptr: no STARTTLS
    std::function<smtp::ServerLimits()> limits;   // of the moment; the office's message size counts, too
    smtp::Role role = smtp::Role::relay;
    const SmtpLogins* logins = nullptr;  // none: nobody logs in
};

// Ends when the connection does. A message whose end did not arrive is gone with it.
asio::awaitable<void> serve_smtp(std::unique_ptr<net::Stream> stream, const SmtpServices& services);

}  // namespace sims::serve
