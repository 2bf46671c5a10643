#include "net/socket_stream.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"
#include "net/socket_address.h"

namespace sims::net {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// An output buffer this small is kept while the connection is idle.
constexpr std::size_t idle_output_capacity_max = 256;

bool would_block(int number) { return number == EAGAIN || number == EWOULDBLOCK; }

}  // namespace

Socket::~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

int Socket::release() { return std::exchange(descriptor_, -1); }

Presence::Presence(ConnectionsPointer connections, std::string address)
    : connections_(std::move(connections)), address_(std::move(address)) {}

Presence::Presence(Presence&& other) noexcept = default;

Presence::~Presence() {
    if (connections_) connections_->leave(address_);
}

// The timer is armed for a deadline that was once right; when it fires, the stream's deadline of then
// decides.
struct SocketStream::Watchdog : std::enable_shared_from_this<Watchdog> {
    Watchdog(asio::io_context& reactor, SocketStream* owner) : timer(reactor), stream(owner) {}

    void arm() {
        armed_for = deadline;
        timer.expires_at(deadline);
        timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error) self->fired();
        });
    }
    void fired() {
        if (!stream || stream->timed_out_) return;
        if (std::chrono::steady_clock::now() < deadline) {
            arm();
            return;
        }
        stream->on_deadline();
    }

    asio::steady_timer timer;
    SocketStream* stream;  // nullptr when it is gone
    SteadyTime deadline{};
    SteadyTime armed_for = SteadyTime::max();
};

SocketStream::SocketStream(asio::io_context& reactor, Socket socket, std::string peer_address)
    : reactor_(reactor), socket_(reactor, socket.release()), peer_address_(std::move(peer_address)) {}

SocketStream::SocketStream(asio::io_context& reactor, Socket socket, std::string peer_address,
                           Presence presence)
    : SocketStream(reactor, std::move(socket), std::move(peer_address)) {
    presence_.emplace(std::move(presence));
    presence_->connections()->add(this);
    draining_ = presence_->connections()->draining();
}

SocketStream::~SocketStream() {
    if (presence_) presence_->connections()->remove(this);
    if (watchdog_) {
        watchdog_->stream = nullptr;
        watchdog_->timer.cancel();
    }
    close();
}

Progress SocketStream::read_now() {
    const std::span<char> room = input_.room();
    if (tls_) {
        std::size_t count = 0;
        const Progress progress = tls_->read(room, count);
        if (progress == Progress::done) {
            input_.arrived(count);
            drained_ = !tls_->holds_input();
        }
        return progress;
    }
    for (;;) {
        const ssize_t count = ::recv(socket_.native_handle(), room.data(), room.size(), 0);
        if (count > 0) {
            input_.arrived(static_cast<std::size_t>(count));
            drained_ = static_cast<std::size_t>(count) < room.size();
            return Progress::done;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && would_block(errno)) return Progress::wait_readable;
        return Progress::closed;
    }
}

asio::awaitable<bool> SocketStream::fill() {
    check(input_.size() < input_buffer_max, "fill() with a full buffer");
    while (!closed_ && !timed_out_) {
        Progress progress = Progress::wait_readable;
        if (!drained_) {
            progress = read_now();
            if (progress == Progress::done) co_return true;
            if (progress == Progress::closed) break;
        }
        if (draining_) break;
        release_idle_memory();
        waiting_for_input_ = true;
        const bool ready = co_await wait(progress);
        waiting_for_input_ = false;
        drained_ = false;
        if (!ready) break;
    }
    co_return false;
}

Progress SocketStream::write_now() {
    const std::string_view rest = std::string_view(output_).substr(sent_);
    if (tls_) {
        std::size_t count = 0;
        const Progress progress = tls_->write(rest, count);
        if (progress == Progress::done) sent_ += count;
        return progress;
    }
    for (;;) {
        const ssize_t count = ::send(socket_.native_handle(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count >= 0) {
            sent_ += static_cast<std::size_t>(count);
            return Progress::done;
        }
        if (errno == EINTR) continue;
        return would_block(errno) ? Progress::wait_writable : Progress::closed;
    }
}

// After a time-out the last words are still tried, once: wait() refuses.
asio::awaitable<bool> SocketStream::flush() {
    while (sent_ < output_.size()) {
        if (closed_) co_return false;
        const Progress progress = write_now();
        if (progress == Progress::done) continue;
        if (progress == Progress::closed) co_return false;
        const bool ready = co_await wait(progress);
        if (!ready) co_return false;
    }
    output_.clear();
    sent_ = 0;
    co_return !closed_;
}

asio::awaitable<bool> SocketStream::wait(Progress what) {
    if (closed_ || timed_out_) co_return false;
    auto condition = asio::posix::descriptor_base::wait_read;
    if (what == Progress::wait_writable) condition = asio::posix::descriptor_base::wait_write;
    boost::system::error_code error;
    co_await socket_.async_wait(condition, asio::redirect_error(asio::use_awaitable, error));
    co_return !error && !closed_ && !timed_out_;
}

asio::awaitable<int> SocketStream::wait_connected() {
    const bool ready = co_await wait(Progress::wait_writable);
    if (!ready) co_return ETIMEDOUT;
    int number = 0;
    socklen_t length = sizeof number;
    if (::getsockopt(socket_.native_handle(), SOL_SOCKET, SO_ERROR, &number, &length) != 0) co_return errno;
    co_return number;
}

void SocketStream::release_idle_memory() {
    input_.shrink();
    if (output_.empty() && output_.capacity() > idle_output_capacity_max) std::string().swap(output_);
}

void SocketStream::expect_within(std::chrono::seconds limit) {
    if (!watchdog_) watchdog_ = std::make_shared<Watchdog>(reactor_, this);
    watchdog_->deadline = std::chrono::steady_clock::now() + limit;
    // A later deadline costs nothing now: the timer will find it when it fires.
    if (watchdog_->deadline < watchdog_->armed_for) watchdog_->arm();
}

void SocketStream::on_deadline() {
    timed_out_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void SocketStream::drain() {
    draining_ = true;
    if (!waiting_for_input_) return;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

asio::awaitable<Result<>> SocketStream::handshake() {
    // CVE-2011-0411: what was sent before the handshake must not be read as if it came after.
    input_.clear();
    drained_ = false;
    for (;;) {
        const Progress progress = tls_->handshake();
        if (progress == Progress::done) co_return Result<>();
        if (progress == Progress::closed) break;
        const bool ready = co_await wait(progress);
        if (!ready) break;
    }
    std::string words = tls_->last_error();
    if (timed_out_) words = "timed out";
    if (words.empty()) words = "connection closed";
    co_return fail(Fault::unavailable, "TLS handshake: " + words);
}

asio::awaitable<Result<>> SocketStream::accept_tls(const TlsContext& context) {
    check(!tls_, "TLS inside TLS");
    if (closed_) co_return fail(Fault::unavailable, "TLS handshake: connection closed");
    // The last reply in clear text goes out first.
    const bool flushed = co_await flush();
    if (!flushed) co_return fail(Fault::unavailable, "TLS handshake: connection closed");
    auto made = TlsSession::server(context, socket_.native_handle());
    if (!made) co_return made.error();
    tls_ = std::move(*made);
    co_return co_await handshake();
}

asio::awaitable<Result<>> SocketStream::connect_tls(const TlsContext& context, std::string name) {
    check(!tls_, "TLS inside TLS");
    if (closed_) co_return fail(Fault::unavailable, "TLS handshake: connection closed");
    const bool flushed = co_await flush();
    if (!flushed) co_return fail(Fault::unavailable, "TLS handshake: connection closed");
    auto made = TlsSession::client(context, socket_.native_handle(), name);
    if (!made) co_return made.error();
    tls_ = std::move(*made);
    co_return co_await handshake();
}

std::string SocketStream::tls_description() const { return tls_ ? tls_->description() : std::string(); }

std::string SocketStream::local_address() const {
    if (closed_) return {};
    return local_of(const_cast<asio::posix::stream_descriptor&>(socket_).native_handle()).host();
}

void SocketStream::close() {
    if (closed_) return;
    closed_ = true;
    if (tls_ && !timed_out_) tls_->say_goodbye();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

std::unique_ptr<Stream> adopt_socket(asio::io_context& reactor, int descriptor) {
    Socket socket(descriptor);
    ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    std::string peer = peer_of(descriptor).host();
    return std::make_unique<SocketStream>(reactor, std::move(socket), std::move(peer));
}

}  // namespace sims::net
