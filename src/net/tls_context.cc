#include "net/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace sims::net {

namespace {

// TLS 1.2 suites with forward secrecy; the CBC ones are for old mail servers that know nothing better, which
// would fall back to plain text.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:!aNULL:!eNULL:!PSK:!SRP";
constexpr const char* groups = "X25519:P-256:P-384";

// Common to both roles; nullptr when OpenSSL refuses.
SSL_CTX* new_context(const SSL_METHOD* method) {
    SSL_CTX* context = SSL_CTX_new(method);
    if (!context) return nullptr;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, ciphers);
    SSL_CTX_set1_groups_list(context, groups);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An idle session keeps no record buffers; a busy one reads whatever has come with one call.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return context;
}

Error file_error(std::string_view what, const std::string& path) {
    return fail(Fault::invalid, fmt::format("{} {}: {}", what, path, openssl_words()));
}

}  // namespace

std::string openssl_words() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    char text[256];
    ERR_error_string_n(code, text, sizeof text);
    return text;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<TlsContextPointer> TlsContext::server(const std::string& certificate_path,
                                             const std::string& key_path) {
    ERR_clear_error();
    SSL_CTX* context = new_context(TLS_server_method());
    if (!context) return fail(Fault::io, "TLS context: " + openssl_words());
    const std::shared_ptr<TlsContext> made(new TlsContext(context));
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Resumption by tickets: nothing to remember here, and pollers come back often.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 1);
    static constexpr unsigned char session_id_context[] = "sims";
    SSL_CTX_set_session_id_context(context, session_id_context, sizeof session_id_context - 1);
    SSL_CTX_set_dh_auto(context, 1);
    if (SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) != 1) {
        return file_error("certificate", certificate_path);
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
        return file_error("key", key_path);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return file_error(fmt::format("certificate {} does not belong to key", certificate_path), key_path);
    }
    return TlsContextPointer(made);
}

Result<TlsContextPointer> TlsContext::client() {
    ERR_clear_error();
    SSL_CTX* context = new_context(TLS_client_method());
    if (!context) return fail(Fault::io, "TLS context: " + openssl_words());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return TlsContextPointer(std::shared_ptr<TlsContext>(new TlsContext(context)));
}

}  // namespace sims::net
