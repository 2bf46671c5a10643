#include "net/tls_session.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/socket_address.h"
#include "net/tls_context.h"

namespace sims::net {

Result<std::unique_ptr<TlsSession>> TlsSession::make(const TlsContext& context, int descriptor) {
    ERR_clear_error();
    SSL* session = SSL_new(context.native());
    if (!session) return fail(Fault::io, "TLS: " + openssl_words());
    std::unique_ptr<TlsSession> made(new TlsSession(session));
    if (SSL_set_fd(session, descriptor) != 1) return fail(Fault::io, "TLS: " + openssl_words());
    return made;
}

Result<std::unique_ptr<TlsSession>> TlsSession::server(const TlsContext& context, int descriptor) {
    auto made = make(context, descriptor);
    if (made) SSL_set_accept_state((*made)->session_);
    return made;
}

Result<std::unique_ptr<TlsSession>> TlsSession::client(const TlsContext& context, int descriptor,
                                                       const std::string& name) {
    auto made = make(context, descriptor);
    if (!made) return made;
    SSL_set_connect_state((*made)->session_);
    // RFC 6066 3: SNI carries names, never addresses.
    if (!name.empty() && !parse_socket_address(name, 0)) {
        SSL_set_tlsext_host_name((*made)->session_, name.c_str());
    }
    return made;
}

TlsSession::~TlsSession() { SSL_free(session_); }

Progress TlsSession::progress_of(int result) {
    switch (SSL_get_error(session_, result)) {
        case SSL_ERROR_NONE: return Progress::done;
        case SSL_ERROR_WANT_READ: return Progress::wait_readable;
        case SSL_ERROR_WANT_WRITE: return Progress::wait_writable;
        case SSL_ERROR_ZERO_RETURN: last_error_ = "closed by the peer"; return Progress::closed;
        case SSL_ERROR_SYSCALL:
            last_error_ = errno == 0 ? "connection lost" : std::strerror(errno);
            broken_ = true;
            return Progress::closed;
        default:
            last_error_ = openssl_words();
            broken_ = true;
            return Progress::closed;
    }
}

Progress TlsSession::handshake() {
    ERR_clear_error();
    errno = 0;
    return progress_of(SSL_do_handshake(session_));
}

Progress TlsSession::read(std::span<char> room, std::size_t& count) {
    ERR_clear_error();
    errno = 0;
    return progress_of(SSL_read_ex(session_, room.data(), room.size(), &count));
}

Progress TlsSession::write(std::string_view bytes, std::size_t& count) {
    ERR_clear_error();
    errno = 0;
    return progress_of(SSL_write_ex(session_, bytes.data(), bytes.size(), &count));
}

bool TlsSession::holds_input() const { return SSL_has_pending(session_) == 1; }

void TlsSession::say_goodbye() {
    // After a fatal error or in the middle of the handshake OpenSSL forbids it.
    if (broken_ || SSL_in_init(session_)) return;
    ERR_clear_error();
    SSL_shutdown(session_);
    ERR_clear_error();
}

// RFC 9266 2: below TLS 1.3 the exporter binds to the connection only with the extended master secret.
std::string TlsSession::exporter() const {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    if (SSL_version(session_) < TLS1_3_VERSION) return {};
    std::string bytes(32, '\0');
    const int made = SSL_export_keying_material(session_, reinterpret_cast<unsigned char*>(bytes.data()),
                                                bytes.size(), label.data(), label.size(), nullptr, 0, 0);
    return made == 1 ? bytes : std::string();
}

std::string TlsSession::description() const {
    return fmt::format("{} {}", SSL_get_version(session_), SSL_get_cipher_name(session_));
}

}  // namespace sims::net
