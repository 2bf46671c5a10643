// One connection as bytes: TCP, TLS over it, later ADSP; the same to whoever speaks on it. Buffered both
// ways. Knows no protocol. Belongs to one reactor thread; not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace sims::net {

namespace asio = boost::asio;

class TlsContext;

class Stream {
public:
    virtual ~Stream() = default;

    // Input that has arrived and was not consumed. Borrowed until fill() or consume().
    virtual std::string_view buffered() const = 0;
    virtual void consume(std::size_t count) = 0;
    // Waits for more input and adds it to buffered(). False: closed by the peer, broken, or past the
    // deadline. At most input_buffer_max bytes are ever buffered: fill() with a full buffer is a broken
    // invariant.
    virtual asio::awaitable<bool> fill() = 0;
    static constexpr std::size_t input_buffer_max = 64 * 1024;

    // Output is gathered until flush(). Whoever puts much asks output_is_large() now and then.
    virtual void put(std::string_view bytes) = 0;
    virtual std::string& output() = 0;          // the gathering buffer itself, to append to
    virtual asio::awaitable<bool> flush() = 0;  // false: the connection is gone
    // Much has gathered: flush before more is put. Sending in pieces of about this size bounds the memory.
    static constexpr std::size_t output_large = 64 * 1024;
    bool output_is_large() { return output().size() >= output_large; }

    // From now on the connection is closed unless another deadline is set in time: one watchdog timer a
    // connection.
    virtual void expect_within(std::chrono::seconds limit) = 0;
    virtual bool timed_out() const = 0;  // flush() still tries once to send last words
    // The server is stopping: fill() says false as soon as nothing waits to be read, so that the reply in
    // flight was the last. Why fill() failed, for the farewell ("421 4.3.2 ...", flushed as usual).
    virtual bool draining() const { return false; }

    // The TLS handshake. Input buffered before it is thrown away, never read as if it came after (both
    // roles). As a server. Error: unavailable, with OpenSSL's words.
    virtual asio::awaitable<Result<>> accept_tls(const TlsContext& context) = 0;
    // As a client: `name` for SNI; the certificate is not judged (opportunistic, RFC 7435).
    virtual asio::awaitable<Result<>> connect_tls(const TlsContext& context, std::string name) = 0;
    virtual bool is_tls() const = 0;
    // Channel binding (RFC 9266), 32 raw bytes: with TLS 1.3 only, else empty.
    virtual std::string tls_exporter() const { return {}; }
    virtual std::string tls_description() const = 0;  // "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty

    virtual std::string peer_address()
        const = 0;  // "192.0.2.1", "2001:db8::1" (v4-mapped as v4), "" for a Unix socket
    virtual std::string local_address() const = 0;
    virtual void close() = 0;  // from the owning thread; pending operations end with false
};

}  // namespace sims::net
