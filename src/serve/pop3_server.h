// POP3 over a stream: performs what pop3::Session asks for. The only POP3 file that knows Asio. Reads and
// hashes on threads that may block, answers a pipelined burst together, and lets go of the mailbox before it
// says goodbye.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/log.h"
#include "directory/directory.h"
#include "net/stream.h"
#include "net/tls_context.h"
#include "office/post_office.h"
#include "proto/pop3/session.h"
#include "serve/login.h"
#include "store/mailbox_store.h"

namespace sims::serve {

struct Pop3Limits {
    std::chrono::seconds login{60};              // from the greeting (or the TLS handshake) to the password
    std::chrono::seconds failed_login_pause{1};  // times the failures so far
    std::size_t chunk_bytes = 256 * 1024;        // of a message, read at a time
    pop3::Limits session;
};

// The two things POP3 asks of the post office. Both block.
struct MailRoom {
    using Open = std::function<Result<std::unique_ptr<store::Maildrop>>(const directory::Account&)>;
    using Remove = std::function<Result<>(const directory::Account&, std::unique_ptr<store::Maildrop>,
                                          std::vector<std::size_t>)>;
    MailRoom(office::PostOffice& office);  // implicit: this is what it always is, but in tests
    MailRoom(Open open_maildrop, Remove remove_messages)
        : open(std::move(open_maildrop)), remove(std::move(remove_messages)) {}
    Open open;
    Remove remove;
};

// What a session needs; outlives every session it was given to.
struct Pop3Services {
    LoginDesk desk;
    MailRoom mail_room;
    asio::thread_pool& disk;
    Log& log;
    std::string hostname;
    std::function<net::TlsContextPointer()> tls;  // the certificate of the moment; nullptr: no STLS
    Pop3Limits limits;
};

// Ends when the connection does; a connection that is lost deletes nothing.
asio::awaitable<void> serve_pop3(std::unique_ptr<net::Stream> stream, const Pop3Services& services);
// The same under TLS from the first byte (RFC 8314 3.3).
asio::awaitable<void> serve_pop3s(std::unique_ptr<net::Stream> stream, const Pop3Services& services);

}  // namespace sims::serve
