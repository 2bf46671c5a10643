// TLS on a non-blocking descriptor: says what to wait for and never waits itself. Writes past SIGPIPE's
// protection (OpenSSL's own socket calls): the program ignores SIGPIPE.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_st;

namespace sims::net {

class TlsContext;

// How one attempt at something non-blocking went. closed: by the peer, or broken.
enum class Progress { done, wait_readable, wait_writable, closed };

class TlsSession {
public:
    static Result<std::unique_ptr<TlsSession>> server(const TlsContext& context, int descriptor);
    static Result<std::unique_ptr<TlsSession>> client(const TlsContext& context, int descriptor,
                                                      const std::string& name);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    Progress handshake();
    // `count` is set when done, to 1 and more.
    Progress read(std::span<char> room, std::size_t& count);
    Progress write(std::string_view bytes, std::size_t& count);
    bool holds_input() const;  // bytes came from the descriptor already and were not read
    void say_goodbye();        // close_notify, if it can be sent at once
    std::string description() const;
    std::string exporter() const;  // RFC 9266; empty below TLS 1.3
    std::string last_error() const { return last_error_; }

private:
    explicit TlsSession(ssl_st* session) : session_(session) {}
    static Result<std::unique_ptr<TlsSession>> make(const TlsContext& context, int descriptor);
    Progress progress_of(int result);

    ssl_st* session_;
    bool broken_ = false;
    std::string last_error_;
};

}  // namespace sims::net
