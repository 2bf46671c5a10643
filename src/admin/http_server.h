// HTTP/1.1 for administration: the API, the entrance page, /healthz and /metrics, on the admin listener and
// on control.sock. Beast parses; sockets, TLS and deadlines are the stream's. Operations run on a pool, never
// on a reactor. Rights: who may open control.sock is the administrator; others log in (authority.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include "admin/api.h"
#include "admin/metrics.h"
#include "admin/operations.h"
#include "base/log.h"
#include "net/stream.h"

namespace sims::admin {

namespace asio = boost::asio;

struct HttpLimits {
    static constexpr std::size_t header_bytes_max = 16 * 1024;
    static constexpr std::size_t body_bytes_max = 96
                                                  << 20;  // a mirror list of the greatest size, as JSON text
    static constexpr std::chrono::seconds idle{60};       // between requests, and for a request's header
    static constexpr std::chrono::seconds body{300};
    static constexpr std::chrono::seconds answer{600};  // the operation and sending what it gave
    static constexpr std::chrono::seconds failed_login_delay{2};
};

enum class Door { local, network };

class HttpServer {
public:
    struct Parts {
        Operations& operations;
        asio::thread_pool& pool;
        Log& log;
        std::string hostname;
        std::string domain;
        std::function<std::vector<Metric>()> metrics;  // called on the pool
    };
    explicit HttpServer(Parts parts) : parts_(std::move(parts)) {}

    // One connection, to its end. Spawn it on the stream's reactor; the server must outlive it.
    asio::awaitable<void> serve(std::unique_ptr<net::Stream> stream, Door door);
    // From now on /healthz says 200; 503 before.
    void set_ready() { ready_.store(true); }

private:
    struct Exchange;

    asio::awaitable<bool> exchange(net::Stream& stream, Door door);
    asio::awaitable<bool> read_header(net::Stream& stream, Exchange& exchange);
    asio::awaitable<bool> read_body(net::Stream& stream, Exchange& exchange);
    asio::awaitable<std::optional<Answer>> refuse(net::Stream& stream, Door door, Exchange& exchange);
    asio::awaitable<Answer> answer(Exchange& exchange);

    Parts parts_;
    std::atomic<bool> ready_{false};
};

}  // namespace sims::admin
