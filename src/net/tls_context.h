// What TLS sessions are made from: a certificate with its key for servers; nothing but good manners for
// clients. Immutable; to reload, make another and let new sessions use that.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct ssl_ctx_st;

namespace sims::net {

class TlsContext;
using TlsContextPointer =
    std::shared_ptr<const TlsContext>;  // held by the services and by who starts a session

class TlsContext {
public:
    // PEM files: the certificate with its chain behind it, and the key. Errors name the file and say
    // OpenSSL's words. TLS 1.2 and up; session tickets, no renegotiation, no compression.
    static Result<TlsContextPointer> server(const std::string& certificate_path, const std::string& key_path);
    // For opportunistic TLS (RFC 7435): the peer's certificate is not judged.
    static Result<TlsContextPointer> client();

    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    ssl_ctx_st* native() const { return context_; }

private:
    explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
    ssl_ctx_st* context_;
};

// OpenSSL's oldest complaint of this thread in its words, and forgets them all.
std::string openssl_words();

}  // namespace sims::net
