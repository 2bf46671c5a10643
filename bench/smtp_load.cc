// Sends mail as fast as a server takes it, over many connections at once, and says how fast that was.
//     smtp_load --server 127.0.0.1:2525 --connections 20 --messages 2000 --bytes 4096 --to
//     a@x.example,b@x.example
// One thread, epoll; MAIL, RCPT and DATA go out in one write, as big senders do (RFC 2920). Recipients take
// turns. Prints one line of JSON: messages, failures, seconds, the rate, and how long the 250 after the data
// took.
#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Plan {
    std::string address = "127.0.0.1";
    std::uint16_t port = 2525;
    std::size_t connections = 20;
    std::size_t messages = 1000;
    std::size_t per_connection = 1'000'000'000;  // then QUIT and connect again
    std::size_t bytes = 4096;
    std::vector<std::string> recipients;
};

struct Tally {
    std::size_t started = 0, accepted = 0, failed = 0;
    std::vector<double> milliseconds;  // end of data to its reply
};

// Header fields and lines of text, `bytes` long, on the wire with its final dot.
std::string make_message(std::size_t bytes) {
    std::string text =
        "From: Load <load@example.net>\r\nTo: You <you@example.org>\r\nSubject: A message of the load "
        "generator\r\n"
        "X-Load: 1\r\n\r\n";
    const std::string line =
        "The quick brown fox jumps over the lazy dog, and then once more, and rests.\r\n";
    while (text.size() < bytes)
        text += line.substr(line.size() - std::min(line.size(), bytes - text.size() + 2));
    return text + ".\r\n";
}

class Connection {
public:
    Connection(const Plan& plan, const std::string& message, Tally& tally)
        : plan_(plan), message_(message), tally_(tally) {}
    ~Connection() { disconnect(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool connect(int epoll) {
        socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sims::check(socket_ >= 0, "socket");
        const int on = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(plan_.port);
        sims::check(inet_pton(AF_INET, plan_.address.c_str(), &to.sin_addr) == 1, "an IPv4 address");
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return false;
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = this;
        state_ = State::greeting;
        input_.clear();
        sent_here_ = 0;
        return epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event) == 0;
    }

    // Reads what came and goes on. False: over, or time for a new connection.
    bool on_readable() {
        char bytes[16384];
        const auto count = recv(socket_, bytes, sizeof bytes, 0);
        if (count <= 0) return lost();
        input_.append(bytes, static_cast<std::size_t>(count));
        for (;;) {
            const auto end = input_.find("\r\n");
            if (end == std::string::npos) return true;
            const std::string line = input_.substr(0, end);
            input_.erase(0, end + 2);
            if (line.size() > 3 && line[3] == '-') continue;
            if (!on_reply(line)) return false;
        }
    }

    void disconnect() {
        if (socket_ >= 0) close(socket_);
        socket_ = -1;
    }

private:
    enum class State { greeting, hello, mail, rcpt, data, sent, quitting };

    bool lost() {
        if (state_ != State::quitting) ++tally_.failed;
        return false;
    }

    bool on_reply(const std::string& line) {
        const char kind = line.empty() ? '5' : line[0];
        switch (state_) {
            case State::greeting: return kind == '2' && say("EHLO load.example.net\r\n", State::hello);
            case State::hello: return kind == '2' && next_message();
            case State::mail:
            case State::rcpt:
                if (kind != '2') return refused(line);
                state_ = state_ == State::mail ? State::rcpt : State::data;
                return true;
            case State::data:
                if (kind != '3') return refused(line);
                began_ = SteadyClock::now();
                return say(message_, State::sent);
            case State::sent:
                if (kind != '2') return refused(line);
                ++tally_.accepted;
                tally_.milliseconds.push_back(
                    std::chrono::duration<double, std::milli>(SteadyClock::now() - began_).count());
                return next_message();
            case State::quitting: return false;
        }
        return false;
    }

    bool next_message() {
        if (tally_.started >= plan_.messages || sent_here_ >= plan_.per_connection) {
            return say("QUIT\r\n", State::quitting);
        }
        const auto& recipient = plan_.recipients[tally_.started % plan_.recipients.size()];
        ++tally_.started;
        ++sent_here_;
        return say(fmt::format("MAIL FROM:<load@example.net>\r\nRCPT TO:<{}>\r\nDATA\r\n", recipient),
                   State::mail);
    }

    bool refused(const std::string& line) {
        ++tally_.failed;
        fmt::print(stderr, "smtp_load: {}\n", line);
        return false;
    }

    bool say(std::string_view text, State state) {
        state_ = state;
        while (!text.empty()) {
            const auto count = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return lost();
            text.remove_prefix(static_cast<std::size_t>(count));
        }
        return true;
    }

    const Plan& plan_;
    const std::string& message_;
    Tally& tally_;
    int socket_ = -1;
    State state_ = State::greeting;
    std::string input_;
    std::size_t sent_here_ = 0;
    SteadyClock::time_point began_;
};

void run(const Plan& plan, Tally& tally) {
    const std::string message = make_message(plan.bytes);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    sims::check(epoll >= 0, "epoll");
    std::vector<std::unique_ptr<Connection>> connections;
    std::size_t open = 0;
    for (std::size_t i = 0; i < plan.connections; ++i) {
        connections.push_back(std::make_unique<Connection>(plan, message, tally));
        if (connections.back()->connect(epoll)) ++open;
    }
    std::vector<epoll_event> events(plan.connections);
    while (open > 0) {
        const int count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 60'000);
        if (count <= 0) {
            fmt::print(stderr, "smtp_load: silence for a minute\n");
            break;
        }
        for (int i = 0; i < count; ++i) {
            auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
            if (connection->on_readable()) continue;
            connection->disconnect();
            --open;
            if (tally.started < plan.messages && tally.failed < 100 && connection->connect(epoll)) ++open;
        }
    }
    connections.clear();
    close(epoll);
}

std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Plan> parse(const std::vector<std::string_view>& words) {
    Plan plan;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        if (i + 1 == words.size()) return std::nullopt;
        const auto key = words[i], value = words[i + 1];
        const auto count = number(value);
        if (key == "--server") {
            const auto colon = value.rfind(':');
            const auto port =
                colon == std::string_view::npos ? std::nullopt : number(value.substr(colon + 1));
            if (!port || *port > 65535) return std::nullopt;
            plan.address = value.substr(0, colon);
            plan.port = static_cast<std::uint16_t>(*port);
        } else if (key == "--to") {
            for (const auto address : sims::split(value, ',')) plan.recipients.emplace_back(address);
        } else if (!count || *count == 0) {
            return std::nullopt;
        } else if (key == "--connections") {
            plan.connections = *count;
        } else if (key == "--messages") {
            plan.messages = *count;
        } else if (key == "--per-connection") {
            plan.per_connection = *count;
        } else if (key == "--bytes") {
            plan.bytes = *count;
        } else {
            return std::nullopt;
        }
    }
    return plan.recipients.empty() ? std::nullopt : std::optional(plan);
}

}  // namespace

int main(int argc, char** argv) {
    const auto plan = parse(std::vector<std::string_view>(argv + 1, argv + argc));
    if (!plan) {
        fmt::print(stderr,
                   "usage: smtp_load --server ADDRESS:PORT --to A@B,... [--connections N] [--messages N] "
                   "[--bytes N] "
                   "[--per-connection N]\n");
        return 2;
    }
    Tally tally;
    const auto start = SteadyClock::now();
    run(*plan, tally);
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
    std::sort(tally.milliseconds.begin(), tally.milliseconds.end());
    const auto percentile = [&](std::size_t of_hundred) {
        return tally.milliseconds.empty()
                   ? 0.0
                   : tally.milliseconds[(tally.milliseconds.size() - 1) * of_hundred / 100];
    };
    fmt::print(
        R"({{"messages": {}, "failed": {}, "seconds": {:.3f}, "rate": {:.1f}, "p50_ms": {:.2f}, "p99_ms": {:.2f}}})"
        "\n",
        tally.accepted, tally.failed, seconds, static_cast<double>(tally.accepted) / seconds, percentile(50),
        percentile(99));
    return tally.accepted == plan->messages ? 0 : 1;
}
