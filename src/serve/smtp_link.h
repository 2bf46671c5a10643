// One connection to another SMTP server: performs what the pure client session asks for. Several
// transactions, one after another.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "net/stream.h"
#include "net/tls_context.h"
#include "proto/smtp/client_session.h"
#include "proto/smtp/reply_reader.h"
#include "queue/message.h"

namespace sims::serve {

namespace asio = boost::asio;

class SmtpLink {
public:
    struct Parts {
        std::unique_ptr<net::Stream> stream;  // connected
        asio::thread_pool& disk;              // for content that is not in memory
        net::TlsContextPointer tls;
        std::string host;  // the peer's name, for SNI; may be empty
    };
    SmtpLink(Parts parts, smtp::ClientOptions options, smtp::Transaction first);

    // From the greeting to the first transaction's end.
    asio::awaitable<smtp::ClientSession::Report> open(queue::ContentPointer content);
    // After a report that left the connection `ready`.
    asio::awaitable<smtp::ClientSession::Report> send(smtp::Transaction transaction,
                                                      queue::ContentPointer content);
    asio::awaitable<void> leave();

private:
    using Session = smtp::ClientSession;
    asio::awaitable<std::optional<Session::Report>> run(Session::Step step);
    asio::awaitable<Session::Input> perform(const Session::Effect& effect);
    asio::awaitable<Session::Input> read_reply(smtp::Phase phase);
    asio::awaitable<Session::Input> start_tls();
    asio::awaitable<Session::Input> send_content(smtp::Framing framing);
    Session::Input lost() const;

    Parts parts_;
    Session session_;
    smtp::ReplyReader replies_;
    queue::ContentPointer content_;
};

}  // namespace sims::serve
