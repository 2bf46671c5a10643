#include "net/listener.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "net/reactors.h"
#include "net/socket_address.h"
#include "net/socket_stream.h"

namespace sims::net {

namespace {

constexpr int backlog = 4096;
// Accepted in one go before others on the reactor have their turn.
constexpr int accept_burst_max = 64;
// When descriptors or memory run out, waiting is all that helps.
constexpr std::chrono::milliseconds exhausted_pause{200};
// Refusals are logged this often, not each: a flood must not become a flood of lines.
constexpr std::chrono::seconds refusal_log_interval{10};

void set_option(int descriptor, int level, int option, int value) {
    ::setsockopt(descriptor, level, option, &value, sizeof value);
}

// Lives until its last handler has run; the Listener only tells it to stop.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    Acceptor(Reactors& reactors, Socket socket, ListenerSettings settings, ConnectionsPointer connections,
             Log& log)
        : reactors_(reactors),
          reactor_(reactors.next()),
          socket_(reactor_, socket.release()),
          timer_(reactor_),
          settings_(std::move(settings)),
          connections_(std::move(connections)),
          log_(log) {}

    void start(OnConnection on_connection) {
        on_connection_ = std::move(on_connection);
        asio::post(reactor_, [self = shared_from_this()] { self->wait(); });
    }

    void stop() {
        asio::post(reactor_, [self = shared_from_this()] {
            boost::system::error_code ignored;
            self->stopped_ = true;
            self->socket_.close(ignored);
            self->timer_.cancel();
        });
    }

private:
    void wait() {
        if (stopped_) return;
        socket_.async_wait(asio::posix::descriptor_base::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                               if (!error) self->accept_burst();
                           });
    }

    void accept_burst() {
        for (int i = 0; i < accept_burst_max && !stopped_; ++i) {
            SocketAddress peer;
            peer.length = sizeof peer.storage;
            const int descriptor =
                ::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.length,
                          SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (descriptor >= 0) {
                welcome(Socket(descriptor), peer.host());
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                pause(errno);
                return;
            } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
                break;
            }
            // Anything else is the trouble of that one connection (accept(2), "Error handling").
        }
        wait();
    }

    void welcome(Socket socket, std::string peer) {
        const Connections::Admission admission = connections_->enter(peer);
        if (admission != Connections::Admission::welcome) {
            refuse(socket, peer, admission);
            return;
        }
        set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        asio::io_context& reactor = reactors_.next();
        // The presence is counted from here on, also when the reactor stops before its handler has run.
        asio::post(reactor, [self = shared_from_this(), &reactor, peer, held = std::move(socket),
                             presence = Presence(connections_, peer)]() mutable {
            self->on_connection_(reactor,
                                 std::make_unique<SocketStream>(reactor, std::move(held), std::move(peer),
                                                                std::move(presence)));
        });
    }

    void refuse(const Socket& socket, const std::string& peer, Connections::Admission admission) {
        // A fresh socket has room for one line; if not, the peer just sees us close.
        if (!settings_.refusal.empty()) {
            ::send(socket.get(), settings_.refusal.data(), settings_.refusal.size(), MSG_NOSIGNAL);
        }
        ++refused_;
        const auto now = std::chrono::steady_clock::now();
        if (now < next_refusal_line_) return;
        next_refusal_line_ = now + refusal_log_interval;
        const std::string_view why = admission == Connections::Admission::too_many
                                         ? "too many connections"
                                         : "too many connections of this address";
        log_.line(LogLevel::problems, settings_.service, {}, "listener.refused",
                  "{} turned away at {}: {} ({} turned away so far)", peer, settings_.address, why, refused_);
    }

    void pause(int number) {
        log_.line(LogLevel::failures, settings_.service, {}, "listener.exhausted",
                  "cannot accept at {}: {}; trying again soon", settings_.address, std::strerror(number));
        timer_.expires_after(exhausted_pause);
        timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error) self->accept_burst();
        });
    }

    Reactors& reactors_;
    asio::io_context& reactor_;
    asio::posix::stream_descriptor socket_;
    asio::steady_timer timer_;
    const ListenerSettings settings_;
    const ConnectionsPointer connections_;
    Log& log_;
    OnConnection on_connection_;
    std::uint64_t refused_ = 0;
    std::chrono::steady_clock::time_point next_refusal_line_{};
    bool stopped_ = false;
};

class SocketListener final : public Listener {
public:
    SocketListener(std::shared_ptr<Acceptor> acceptor, std::string address, std::string path)
        : acceptor_(std::move(acceptor)), address_(std::move(address)), path_(std::move(path)) {}
    ~SocketListener() override { stop_once(); }

    void start(OnConnection on_connection) override { acceptor_->start(std::move(on_connection)); }
    void stop() override { stop_once(); }
    std::string address() const override { return address_; }

private:
    void stop_once() {
        if (!acceptor_) return;
        acceptor_->stop();
        acceptor_.reset();
        if (!path_.empty()) ::unlink(path_.c_str());
    }

    std::shared_ptr<Acceptor> acceptor_;  // held by its own handlers too
    std::string address_;
    std::string path_;
};

// Nothing when this machine does not speak the family at all.
Result<std::optional<Socket>> bind_tcp(const SocketAddress& address) {
    const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0 && errno == EAFNOSUPPORT) return std::optional<Socket>();
    if (descriptor < 0) return system_error(errno, "socket for", address.text());
    Socket socket(descriptor);
    set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.family() == AF_INET6) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (::bind(descriptor, address.get(), address.length) != 0) {
        if (address.family() == AF_INET6 && errno == EADDRNOTAVAIL) return std::optional<Socket>();
        return system_error(errno, "listen on", address.text());
    }
    if (::listen(descriptor, backlog) != 0) return system_error(errno, "listen on", address.text());
    return std::optional<Socket>(std::move(socket));
}

// Whether a server answers on the Unix socket.
bool is_answered(const sockaddr_un& name) {
    const Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return probe.get() >= 0 &&
           ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

Result<Socket> bind_local(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof name.sun_path) {
        return fail(Fault::invalid,
                    fmt::format("listen on {}: the path of a Unix socket has at most {} bytes", path,
                                sizeof name.sun_path - 1));
    }
    std::memcpy(name.sun_path, path.data(), path.size());
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) {
        if (is_answered(name)) return fail(Fault::busy, path + ": another server is running here");
        ::unlink(path.c_str());
    }
    Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return system_error(errno, "socket for", path);
    // bind() gives the file the mode of the unbound socket (less the umask): never readable by others, not
    // even for an instant.
    if (::fchmod(socket.get(), S_IRUSR | S_IWUSR) != 0) return system_error(errno, "mode of", path);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        return system_error(errno, "listen on", path);
    }
    if (::listen(socket.get(), backlog) != 0) return system_error(errno, "listen on", path);
    return socket;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(Reactors& reactors, ListenerSettings settings,
                                                 ConnectionsPointer connections, Log& log) {
    auto address = parse_socket_address(settings.address);
    if (!address) {
        return fail(Fault::invalid, fmt::format("\"{}\" is not an address:port to listen on; IPv6 addresses "
                                                "are written in brackets",
                                                settings.address));
    }
    auto bound = bind_tcp(*address);
    if (!bound) return bound.error();
    if (!*bound && address->host() == "::") {
        address = parse_socket_address("0.0.0.0", address->port());
        bound = bind_tcp(*address);
        if (!bound) return bound.error();
    }
    if (!*bound) {
        return fail(Fault::io,
                    fmt::format("listen on {}: this machine has no such address", settings.address));
    }
    std::string text = local_of((**bound).get()).text();
    auto acceptor = std::make_shared<Acceptor>(reactors, std::move(**bound), std::move(settings),
                                               std::move(connections), log);
    return std::unique_ptr<Listener>(
        std::make_unique<SocketListener>(std::move(acceptor), std::move(text), std::string()));
}

Result<std::unique_ptr<Listener>> Listener::open_local(Reactors& reactors, ListenerSettings settings,
                                                       ConnectionsPointer connections, Log& log) {
    auto bound = bind_local(settings.address);
    if (!bound) return bound.error();
    std::string path = settings.address;
    auto acceptor = std::make_shared<Acceptor>(reactors, std::move(*bound), std::move(settings),
                                               std::move(connections), log);
    return std::unique_ptr<Listener>(std::make_unique<SocketListener>(std::move(acceptor), path, path));
}

}  // namespace sims::net
