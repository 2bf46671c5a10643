#include "net/connect.h"

#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

#include <fmt/format.h>

#include "net/socket_address.h"
#include "net/socket_stream.h"

namespace sims::net {

namespace {

Error connect_error(const std::string& where, int number) {
    return fail(Fault::unavailable, fmt::format("connect to {}: {}", where, std::strerror(number)));
}

// Takes the first step; the socket is connected, or connecting.
Result<Socket> begin_connect(const SocketAddress& to, const std::string& source) {
    Socket socket(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return connect_error(to.text(), errno);
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!source.empty()) {
        const auto from = parse_socket_address(source, 0);
        if (!from) return fail(Fault::invalid, "not an address to connect from: " + source);
        if (::bind(socket.get(), from->get(), from->length) != 0) return connect_error(to.text(), errno);
    }
    if (::connect(socket.get(), to.get(), to.length) != 0 && errno != EINPROGRESS) {
        return connect_error(to.text(), errno);
    }
    return socket;
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<Stream>>> connect(asio::io_context& reactor, ConnectTarget target) {
    const auto to = parse_socket_address(target.address, target.port);
    if (!to) co_return fail(Fault::invalid, "not an address to connect to: " + target.address);
    auto socket = begin_connect(*to, target.source);
    if (!socket) co_return socket.error();
    auto stream = std::make_unique<SocketStream>(reactor, std::move(*socket), target.address);
    stream->expect_within(target.within);
    const int number = co_await stream->wait_connected();
    if (number != 0) co_return connect_error(to->text(), number);
    co_return std::unique_ptr<Stream>(std::move(stream));
}

asio::awaitable<Result<std::unique_ptr<Stream>>> connect_local(asio::io_context& reactor, std::string path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path) co_return connect_error(path, ENAMETOOLONG);
    std::memcpy(name.sun_path, path.data(), path.size());
    Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0 ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        co_return connect_error(path, errno);
    }
    co_return std::unique_ptr<Stream>(
        std::make_unique<SocketStream>(reactor, std::move(socket), std::string()));
}

}  // namespace sims::net
