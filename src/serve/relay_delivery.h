// One delivery to another server: finds its hosts, connects to the first that answers, hands over the
// message, and goes on with more for the same destination while the connection is good.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/log.h"
#include "net/resolver.h"
#include "net/tls_context.h"
#include "office/post_office.h"
#include "proto/smtp/client_session.h"
#include "serve/exchangers.h"
#include "serve/queue_runner.h"
#include "serve/smtp_link.h"

namespace sims::serve {

class RelayDelivery {
public:
    // `stopping` says whether to end after the transaction under way. All outlive run().
    RelayDelivery(QueueRunner::Parts& parts, const QueueRunnerSettings& settings, asio::io_context& reactor,
                  std::function<bool()> stopping);

    // Ends the task with relay_finished(), and those that followed it over the same connection.
    asio::awaitable<void> run(office::RelayTask task);

private:
    struct Verdict {
        office::RelayResult result = office::RelayResult::deferred;
        std::string host;
        std::string reply;
    };
    // What an attempt came to: the task is settled; another host may take it; we met ourselves; the
    // connection went stale between two messages, so the task deserves one of its own.
    enum class Attempt { settled, go_on, loops, stale };
    enum class More { wanted, not_wanted };

    asio::awaitable<Attempt> try_all();
    asio::awaitable<MailRoute> find_route();
    asio::awaitable<net::AddressAnswer> addresses_of(std::string host);
    asio::awaitable<Attempt> try_host(std::string host);
    asio::awaitable<Attempt> try_address(std::string host, std::string address);
    asio::awaitable<Attempt> carry_on(SmtpLink& link, smtp::ClientSession::Report report, std::string peer);
    // Ends the task; the next for the same destination becomes the task under way.
    asio::awaitable<void> finish(std::vector<office::RelayOutcome> outcomes,
                                 queue::DestinationOutcome destination, More more);
    asio::awaitable<void> give_up();

    smtp::Transaction transaction() const;
    void note(Verdict verdict);
    bool by_records() const;  // the host was found by MX records
    bool exhausted() const;
    void log_attempt(const std::string& peer, const std::string& text) const;

    QueueRunner::Parts& parts_;
    const QueueRunnerSettings& settings_;
    asio::io_context& reactor_;
    const std::function<bool()> stopping_;
    std::optional<office::RelayTask> task_;  // the one under way
    std::optional<Verdict> verdict_;         // the best reason so far why nobody took it
    std::size_t addresses_tried_ = 0;
    std::size_t messages_ = 0;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace sims::serve
