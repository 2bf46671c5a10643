// Sends what waits for other servers: asks the office for work, and drives one delivery a coroutine, spread
// over the reactors. Time-tables, limits of a destination and bounces are the office's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "base/log.h"
#include "base/time.h"
#include "net/reactors.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "office/post_office.h"

namespace sims::serve {

namespace asio = boost::asio;

struct QueueRunnerSettings {
    std::string hostname;                    // for EHLO, and to know ourselves among MX records
    std::vector<std::string> own_addresses;  // where we answer on `port` ourselves: never connected to by MX
    std::uint16_t port = 25;                 // of other servers
    std::size_t connections_max = 200;
    std::size_t messages_per_connection_max = 100;
    std::size_t addresses_max = 20;  // tried for one message in one attempt
    std::chrono::seconds connect_within{30};
    // No new address is tried after this: the attempt's end frees the destination for its next turn.
    std::chrono::seconds connecting_max{300};
};

class QueueRunner {
public:
    // All outlive the reactors' run.
    struct Parts {
        office::PostOffice& office;
        net::Resolver& resolver;
        net::Reactors& reactors;
        asio::thread_pool& disk;  // for whatever may block
        net::TlsContextPointer tls;
        Log& log;
        Clock clock;
    };
    QueueRunner(Parts parts, QueueRunnerSettings settings);
    ~QueueRunner();  // stops; does not wait
    QueueRunner(const QueueRunner&) = delete;
    QueueRunner& operator=(const QueueRunner&) = delete;

    void start();
    // Begins nothing new; each connection ends after its transaction. What is cut off when the reactors stop
    // is tried again by the next start.
    void stop();
    std::size_t active() const;  // connections, or attempts at one; any thread

private:
    class Dispatcher;
    std::shared_ptr<Dispatcher> dispatcher_;  // held by its coroutines and by the office's wake call too
};

}  // namespace sims::serve
