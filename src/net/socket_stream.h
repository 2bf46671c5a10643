// The stream over a socket of the kernel, TCP or Unix, plain or TLS. Tries each system call first and waits
// for epoll only when it must; one watchdog timer, re-armed only when it fires. Idle, it owns no buffers.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "net/connections.h"
#include "net/input_buffer.h"
#include "net/stream.h"
#include "net/tls_session.h"

namespace sims::net {

// A connected socket, not yet anybody's. Closes it.
class Socket {
public:
    explicit Socket(int descriptor) : descriptor_(descriptor) {}
    Socket(Socket&& other) noexcept : descriptor_(other.release()) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    ~Socket();
    int get() const { return descriptor_; }
    int release();

private:
    int descriptor_;
};

// Counts a connection in until it ends; made by whoever admitted it.
class Presence {
public:
    Presence(ConnectionsPointer connections, std::string address);
    Presence(Presence&& other) noexcept;
    Presence& operator=(Presence&&) = delete;
    ~Presence();
    const ConnectionsPointer& connections() const { return connections_; }

private:
    ConnectionsPointer connections_;
    std::string address_;
};

class SocketStream final : public Stream {
public:
    // `socket` is connected (or connecting, with wait_connected()). Construct it on the reactor's thread.
    SocketStream(asio::io_context& reactor, Socket socket, std::string peer_address);
    SocketStream(asio::io_context& reactor, Socket socket, std::string peer_address, Presence presence);
    ~SocketStream() override;

    std::string_view buffered() const override { return input_.bytes(); }
    void consume(std::size_t count) override { input_.consume(count); }
    asio::awaitable<bool> fill() override;
    void put(std::string_view bytes) override { output_.append(bytes); }
    std::string& output() override { return output_; }
    asio::awaitable<bool> flush() override;
    void expect_within(std::chrono::seconds limit) override;
    bool timed_out() const override { return timed_out_; }
    bool draining() const override { return draining_; }
    asio::awaitable<Result<>> accept_tls(const TlsContext& context) override;
    asio::awaitable<Result<>> connect_tls(const TlsContext& context, std::string name) override;
    bool is_tls() const override { return tls_ != nullptr; }
    std::string tls_description() const override;
    std::string tls_exporter() const override { return tls_ ? tls_->exporter() : std::string(); }
    std::string peer_address() const override { return peer_address_; }
    std::string local_address() const override;
    void close() override;

    // For connect(): until the kernel has connected or failed; says the errno, 0 for success.
    asio::awaitable<int> wait_connected();
    void drain();
    bool belongs_to(const asio::io_context& reactor) const { return &reactor_ == &reactor; }

private:
    struct Watchdog;

    Progress read_now();
    Progress write_now();
    asio::awaitable<bool> wait(Progress what);
    asio::awaitable<Result<>> handshake();
    void release_idle_memory();
    void on_deadline();

    asio::io_context& reactor_;
    asio::posix::stream_descriptor socket_;
    InputBuffer input_;
    std::string output_;
    std::size_t sent_ = 0;  // of output_
    std::unique_ptr<TlsSession> tls_;
    std::shared_ptr<Watchdog> watchdog_;  // held by the timer's handler too, which may run after the stream
    std::string peer_address_;
    std::optional<Presence> presence_;
    bool drained_ = false;  // the last read took all there was: wait before the next
    bool waiting_for_input_ = false;
    bool draining_ = false;
    bool timed_out_ = false;
    bool closed_ = false;
};

// A stream over a connected socket that came from elsewhere (a socket pair, systemd). Made non-blocking.
std::unique_ptr<Stream> adopt_socket(asio::io_context& reactor, int descriptor);

}  // namespace sims::net
