#include "app/api_client.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include "base/text.h"
#include "os/file_system.h"

namespace sims::app {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t answer_bytes_max = std::size_t{1} << 30;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    int get() const { return number_; }

private:
    int number_;
};

Error no_server(const std::string& path, int number) {
    if (number == EACCES) {
        return fail(Fault::refused,
                    fmt::format("{}: {}: only root and the user the server runs as may administer it here",
                                path, std::strerror(number)));
    }
    return fail(Fault::unavailable, fmt::format("no server is running on {} (control.sock: {})",
                                                os::folder_of(path), std::strerror(number)));
}

Result<Descriptor> connect_local(const std::string& path) {
    // sun_path holds 107 bytes; through its folder's descriptor any path is short.
    Descriptor folder(open(os::folder_of(path).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0) return no_server(path, errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = fmt::format("/proc/self/fd/{}/{}", folder.get(), os::name_in(path));
    if (name.size() >= sizeof(address.sun_path)) return no_server(path, ENAMETOOLONG);
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    Descriptor socket_made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket_made.get() < 0) return no_server(path, errno);
    if (connect(socket_made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return no_server(path, errno);
    }
    return socket_made;
}

Result<Descriptor> connect_remote(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error != 0) return fail(Fault::unavailable, fmt::format("{}: {}", host, gai_strerror(error)));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
    int last = ECONNREFUSED;
    for (const auto* one = found; one != nullptr; one = one->ai_next) {
        Descriptor made(socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
        if (made.get() >= 0 && connect(made.get(), one->ai_addr, one->ai_addrlen) == 0) return made;
        last = errno;
    }
    return fail(Fault::unavailable, fmt::format("{}:{}: {}", host, port, std::strerror(last)));
}

// A connected socket, with TLS over it or not. The server's certificate must be good for its name.
class Wire {
public:
    explicit Wire(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

    Result<> start_tls(const std::string& host) {
        context_.reset(SSL_CTX_new(TLS_client_method()));
        if (!context_ || SSL_CTX_set_default_verify_paths(context_.get()) != 1) return tls_error(host);
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
        session_.reset(SSL_new(context_.get()));
        if (!session_ || SSL_set1_host(session_.get(), host.c_str()) != 1 ||
            SSL_set_tlsext_host_name(session_.get(), host.c_str()) != 1 ||
            SSL_set_fd(session_.get(), descriptor_.get()) != 1 || SSL_connect(session_.get()) != 1) {
            return tls_error(host);
        }
        return {};
    }

    bool write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto chunk = std::min<std::size_t>(bytes.size(), 1 << 20);
            const auto sent = session_ ? SSL_write(session_.get(), bytes.data(), static_cast<int>(chunk))
                                       : send(descriptor_.get(), bytes.data(), chunk, MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR && !session_) continue;
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // Nothing at the end, and when the connection breaks.
    std::size_t read(std::span<char> into) {
        for (;;) {
            const auto got = session_ ? SSL_read(session_.get(), into.data(), static_cast<int>(into.size()))
                                      : recv(descriptor_.get(), into.data(), into.size(), 0);
            if (got < 0 && errno == EINTR && !session_) continue;
            return got <= 0 ? 0 : static_cast<std::size_t>(got);
        }
    }

private:
    static Error tls_error(const std::string& host) {
        std::array<char, 256> words{};
        ERR_error_string_n(ERR_get_error(), words.data(), words.size());
        return fail(Fault::unavailable, fmt::format("{}: TLS: {}", host, words.data()));
    }

    Descriptor descriptor_;
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> session_{nullptr, &SSL_free};
};

std::string base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

Result<ApiReply> read_reply(Wire& wire) {
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    parser.eager(true);
    std::string pending;
    std::array<char, 64 * 1024> chunk{};
    boost::beast::error_code error;
    while (!parser.is_done()) {
        const auto got = wire.read(chunk);
        if (got == 0) {
            if (parser.got_some()) parser.put_eof(error);
            break;
        }
        pending.append(chunk.data(), got);
        while (!pending.empty() && !parser.is_done()) {
            const auto used = parser.put(boost::asio::buffer(pending), error);
            pending.erase(0, used);
            if (error) break;
        }
        if (error == http::error::need_more) error = {};
        if (error) break;
    }
    if (error || !parser.is_done()) return fail(Fault::unavailable, "the server's answer broke off");
    return ApiReply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace

Result<ApiClient> ApiClient::make(ApiTarget target) {
    ApiClient out(std::move(target));
    if (out.target_.url.empty()) return out;
    std::string_view url = out.target_.url;
    const auto bad = [&] {
        return fail(Fault::invalid, fmt::format("{} is not a URL like http://host:8100", out.target_.url));
    };
    out.tls_ = url.starts_with("https://");
    if (!out.tls_ && !url.starts_with("http://")) return bad();
    url.remove_prefix(out.tls_ ? 8 : 7);
    const auto slash = url.find('/');
    if (slash != std::string_view::npos) out.prefix_ = std::string(url.substr(slash));
    while (out.prefix_.ends_with('/')) out.prefix_.pop_back();
    auto host = url.substr(0, slash);
    const auto bracket = host.rfind(']');
    const auto colon = host.rfind(':');
    out.port_ = out.tls_ ? "443" : "80";
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        out.port_ = std::string(host.substr(colon + 1));
        host = host.substr(0, colon);
    }
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    out.host_ = std::string(host);
    if (out.host_.empty() || out.port_.empty() || out.target_.url.find_first_of("\r\n ") != std::string::npos)
        return bad();
    return out;
}

Result<ApiReply> ApiClient::call(std::string_view method, std::string_view path,
                                 std::string_view body) const {
    const bool local = target_.url.empty();
    auto connected = local ? connect_local(target_.socket_path) : connect_remote(host_, port_);
    if (!connected) return connected.error();
    Wire wire(std::move(*connected));
    if (tls_) {
        if (auto done = wire.start_tls(host_); !done) return done.error();
    }
    auto request = fmt::format("{} {}/api/v1/{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", method,
                               prefix_, path, local ? std::string("localhost") : host_);
    if (!local)
        request += fmt::format("Authorization: Basic {}\r\n", base64(target_.user + ":" + target_.password));
    if (!body.empty()) request += "Content-Type: application/json\r\n";
    request += fmt::format("Content-Length: {}\r\n\r\n", body.size());
    // A refusal may come, and the connection end, before the body is sent: the answer counts.
    if (wire.write(request)) wire.write(body);
    return read_reply(wire);
}

}  // namespace sims::app
