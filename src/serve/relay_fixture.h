// For tests of sending: an office with a list of tasks, a DNS out of a table, and a small SMTP server that
// does as it is told.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "base/check.h"
#include "net/listener.h"
#include "net/reactors.h"
#include "net/resolver.h"
#include "net/self_signed.h"
#include "net/socket_address.h"
#include "net/tls_context.h"
#include "office/post_office.h"

namespace sims::serve {

namespace asio = boost::asio;

// Hands out tasks, one destination after another, and keeps what came of them.
class RelayOffice final : public office::PostOffice {
public:
    struct Finished {
        queue::QueueId id;
        std::vector<office::RelayOutcome> outcomes;
        queue::DestinationOutcome destination;
    };
    void add(office::RelayTask task) {
        std::function<void()> wake;
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back(std::move(task));
            wake = wake_;
        }
        if (wake) wake();
    }
    std::vector<Finished> finished() const {
        const std::lock_guard lock(mutex_);
        return finished_;
    }

    std::optional<office::RelayTask> next_relay() override {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return std::nullopt;
        office::RelayTask task = std::move(waiting_.front());
        waiting_.pop_front();
        return task;
    }
    std::optional<office::RelayTask> next_relay_for(const std::string& destination) override {
        const std::lock_guard lock(mutex_);
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const office::RelayTask& task) {
            return task.assignment.destination == destination;
        });
        if (found == waiting_.end()) return std::nullopt;
        office::RelayTask task = std::move(*found);
        waiting_.erase(found);
        return task;
    }
    void relay_finished(office::RelayTask task, std::vector<office::RelayOutcome> outcomes,
                        queue::DestinationOutcome destination) override {
        const std::lock_guard lock(mutex_);
        finished_.push_back({task.assignment.id, std::move(outcomes), destination});
    }
    std::optional<TimePoint> next_relay_due() const override { return std::nullopt; }
    void on_relay_work(std::function<void()> wake) override {
        const std::lock_guard lock(mutex_);
        wake_ = std::move(wake);
    }

    std::optional<office::Refusal> judge_sender(const mail::Peer&, const mail::ReversePath&) const override {
        unexpected();
    }
    std::optional<office::Refusal> judge_recipient(const mail::Peer&, const mail::ReversePath&,
                                                   const mail::Address&) const override {
        unexpected();
    }
    bool may_relay(const mail::Peer&) const override { unexpected(); }
    route::Route route(const mail::Address&) const override { unexpected(); }
    std::uint64_t message_bytes_max() const override { unexpected(); }
    Result<std::unique_ptr<office::Incoming>> receive(const mail::Peer&, const mail::Envelope&) override {
        unexpected();
    }
    void accept(std::unique_ptr<office::Incoming>, std::function<void(office::Accepted)>) override {
        unexpected();
    }
    Result<std::unique_ptr<store::Maildrop>> open_maildrop(const directory::Account&) override {
        unexpected();
    }
    Result<> remove_messages(const directory::Account&, std::unique_ptr<store::Maildrop>,
                             std::vector<std::size_t>) override {
        unexpected();
    }
    Result<> add_account(const directory::AccountName&, const directory::AccountChange&) override {
        unexpected();
    }
    Result<> rename_account(const directory::AccountName&, const directory::AccountName&) override {
        unexpected();
    }
    Result<> remove_account(const directory::AccountName&) override { unexpected(); }
    Result<store::MailboxStatus> mailbox_status(const directory::Account&) override { unexpected(); }
    Result<> set_router_table(std::string_view) override { unexpected(); }
    std::vector<queue::QueuedMessage> queue() const override { unexpected(); }
    Result<> retry(std::optional<queue::QueueId>) override { unexpected(); }
    Result<> hold(queue::QueueId) override { unexpected(); }
    Result<> release(queue::QueueId) override { unexpected(); }
    Result<> remove(queue::QueueId) override { unexpected(); }
    Result<> checkpoint() override { unexpected(); }

private:
    [[noreturn]] static void unexpected() {
        broken_invariant("the queue runner asked the office for something else", BOOST_CURRENT_LOCATION);
    }
    mutable std::mutex mutex_;
    std::deque<office::RelayTask> waiting_;
    std::vector<Finished> finished_;
    std::function<void()> wake_;
};

// Says what the table says; nothing in it: no such name.
class TableResolver final : public net::Resolver {
public:
    asio::awaitable<net::MxAnswer> mx(std::string domain) override {
        net::MxAnswer answer;
        answer.outcome = net::DnsOutcome::no_such_name;
        if (const auto found = exchangers.find(domain); found != exchangers.end()) answer = found->second;
        co_return answer;
    }
    asio::awaitable<net::AddressAnswer> addresses(std::string host) override {
        net::AddressAnswer answer;
        answer.outcome = net::DnsOutcome::no_such_name;
        if (const auto found = hosts.find(host); found != hosts.end()) {
            answer.addresses = found->second;
            answer.outcome = net::DnsOutcome::answer;
        }
        co_return answer;
    }
    asio::awaitable<net::TextAnswer> text(std::string) override { co_return net::TextAnswer(); }

    void mx(const std::string& domain, std::uint16_t preference, const std::string& host) {
        exchangers[domain].outcome = net::DnsOutcome::answer;
        exchangers[domain].records.push_back({preference, host});
    }

    std::map<std::string, net::MxAnswer> exchangers;
    std::map<std::string, std::vector<std::string>> hosts;
};

// One SMTP server on a port of 127.0.0.x; all sinks of a test share the port.
struct Sink {
    enum class Tls { none, good, broken };
    std::string greeting = "220 sink\r\n";
    std::map<std::string, std::string> replies;  // to lines that begin so; else "250 2.0.0 Ok\r\n"
    Tls tls = Tls::none;
    int messages_per_connection = 1000;  // then it hangs up without a word
    std::vector<std::string> heard;      // lines, and whole messages after DATA
    int connections = 0;
    std::mutex mutex;

    void hear(const std::string& what) {
        const std::lock_guard lock(mutex);
        heard.push_back(what);
    }
    std::vector<std::string> all() {
        const std::lock_guard lock(mutex);
        return heard;
    }
    std::string reply_to(const std::string& line) const {
        for (const auto& [start, reply] : replies) {
            if (line.compare(0, start.size(), start) == 0) return reply;
        }
        if (line.starts_with("EHLO")) {
            return tls == Tls::none ? "250-sink\r\n250 PIPELINING\r\n" : "250-sink\r\n250 STARTTLS\r\n";
        }
        if (line == "DATA") return "354 Go on\r\n";
        if (line == "QUIT") return "221 2.0.0 Bye\r\n";
        return "250 2.0.0 Ok\r\n";
    }
};

inline asio::awaitable<std::optional<std::string>> read_until(net::Stream& stream, std::string end) {
    std::string text;
    for (;;) {
        const std::size_t found = stream.buffered().find(end);
        if (found != std::string_view::npos) {
            text.append(stream.buffered().substr(0, found));
            stream.consume(found + end.size());
            co_return text;
        }
        // Enough to see an end that comes in two pieces.
        const std::size_t keep = std::min(stream.buffered().size(), end.size() - 1);
        const std::size_t take = stream.buffered().size() - keep;
        text.append(stream.buffered().substr(0, take));
        stream.consume(take);
        const bool more = co_await stream.fill();
        if (!more) co_return std::nullopt;
    }
}

inline asio::awaitable<void> serve_sink(std::unique_ptr<net::Stream> stream, Sink* sink,
                                        net::TlsContextPointer tls) {
    stream->expect_within(std::chrono::seconds(20));
    stream->put(sink->greeting);
    int messages = 0;
    bool in_data = false;
    for (;;) {
        co_await stream->flush();
        std::string end = "\r\n";
        if (in_data) end = "\r\n.\r\n";
        std::optional<std::string> line = co_await read_until(*stream, end);
        if (!line) co_return;
        sink->hear(*line);
        if (in_data) {
            in_data = false;
            stream->put(sink->reply_to("."));
            if (++messages >= sink->messages_per_connection) {
                co_await stream->flush();
                co_return;
            }
            continue;
        }
        stream->put(sink->reply_to(*line));
        in_data = *line == "DATA" && sink->reply_to(*line).starts_with("354");
        if (*line == "STARTTLS" && sink->tls == Sink::Tls::broken) {
            stream->put("this is no handshake\r\n");
            co_await stream->flush();
            co_return;
        }
        if (*line == "STARTTLS") {
            const Result<> shaken = co_await stream->accept_tls(*tls);
            if (!shaken) co_return;
        }
    }
}

class TextContent final : public queue::Content {
public:
    enum class Kept { in_memory, on_disk };
    TextContent(std::string text, Kept kept) : text_(std::move(text)), kept_(kept) {}
    std::uint64_t size() const override { return text_.size(); }
    std::optional<std::string_view> in_memory() const override {
        if (kept_ == Kept::on_disk) return std::nullopt;
        return text_;
    }
    Result<std::string> read(std::uint64_t offset, std::size_t bytes_max) const override {
        return text_.substr(static_cast<std::size_t>(offset), bytes_max);
    }

private:
    std::string text_;
    Kept kept_;
};

}  // namespace sims::serve
