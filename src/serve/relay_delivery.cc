#include "serve/relay_delivery.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "mail/address.h"
#include "mail/ip_text.h"
#include "net/background.h"
#include "net/connect.h"

namespace sims::serve {

namespace {

using office::RelayOutcome;
using office::RelayResult;
using Session = smtp::ClientSession;
using queue::DestinationOutcome;

// TLS when it is offered; when the handshake fails, once more without: mail in the clear is better than none
// where nobody promised TLS (RFC 7435 3).
constexpr std::array<smtp::ClientTls, 2> tls_in_turn{smtp::ClientTls::opportunistic, smtp::ClientTls::never};

RelayResult result_of(smtp::Outcome outcome) {
    switch (outcome) {
        case smtp::Outcome::delivered: return RelayResult::delivered;
        case smtp::Outcome::deferred: return RelayResult::deferred;
        case smtp::Outcome::failed: return RelayResult::failed;
    }
    return RelayResult::deferred;
}

std::vector<RelayOutcome> outcomes_of(const Session::Report& report, const std::string& peer) {
    std::vector<RelayOutcome> outcomes;
    for (const smtp::RecipientOutcome& outcome : report.outcomes) {
        outcomes.push_back({result_of(outcome.outcome), peer, outcome.words});
    }
    return outcomes;
}

// "[192.0.2.1]", "[IPv6:2001:db8::1]", or an address without brackets, as a route may name it.
std::optional<std::string> literal_address(std::string_view host) {
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        if (starts_with_ignoring_case(host, "IPv6:")) host.remove_prefix(5);
    }
    const auto address = mail::parse_ip(host);
    if (!address) return std::nullopt;
    return mail::ip_text(*address);
}

// The peer, or something between, dropped a connection that had worked: it says nothing about this message.
bool is_stale(const Session::Report& report) {
    return report.connection == Session::Connection::over &&
           std::all_of(
               report.outcomes.begin(), report.outcomes.end(), [](const smtp::RecipientOutcome& outcome) {
                   return outcome.outcome == smtp::Outcome::deferred && outcome.words.starts_with("421");
               });
}

}  // namespace

RelayDelivery::RelayDelivery(QueueRunner::Parts& parts, const QueueRunnerSettings& settings,
                             asio::io_context& reactor, std::function<bool()> stopping)
    : parts_(parts), settings_(settings), reactor_(reactor), stopping_(std::move(stopping)) {}

asio::awaitable<void> RelayDelivery::run(office::RelayTask task) {
    task_ = std::move(task);
    for (;;) {
        const Attempt attempt = co_await try_all();
        if (attempt == Attempt::settled) co_return;
        if (attempt != Attempt::stale) break;
        verdict_.reset();
        messages_ = addresses_tried_ = 0;
        began_ = std::chrono::steady_clock::now();
    }
    co_await give_up();
}

asio::awaitable<RelayDelivery::Attempt> RelayDelivery::try_all() {
    const MailRoute route = co_await find_route();
    if (const auto* unroutable = std::get_if<Unroutable>(&route)) {
        note({unroutable->result, "", unroutable->reply});
        co_return Attempt::go_on;
    }
    for (const Exchanger& exchanger : std::get<std::vector<Exchanger>>(route)) {
        const Attempt attempt = co_await try_host(exchanger.host);
        if (attempt != Attempt::go_on) co_return attempt;
        if (exhausted()) break;
    }
    co_return Attempt::go_on;
}

bool RelayDelivery::by_records() const { return task_->port == 0 && !literal_address(task_->host); }

asio::awaitable<MailRoute> RelayDelivery::find_route() {
    if (!by_records()) co_return std::vector<Exchanger>(1, Exchanger{task_->host, 0});
    const std::optional<std::string> domain = mail::ascii_domain(task_->host);
    if (!domain) {
        Unroutable nowhere{RelayResult::failed, fmt::format("550 5.1.2 {} is not a domain", task_->host)};
        co_return nowhere;
    }
    const net::MxAnswer answer = co_await parts_.resolver.mx(*domain);
    co_return exchangers_of(*domain, answer, lower(settings_.hostname), std::random_device()());
}

asio::awaitable<net::AddressAnswer> RelayDelivery::addresses_of(std::string host) {
    net::AddressAnswer answer;
    if (auto address = literal_address(host)) {
        answer.outcome = net::DnsOutcome::answer;
        answer.addresses.push_back(std::move(*address));
        co_return answer;
    }
    if (auto name = mail::ascii_domain(host)) {
        net::AddressAnswer found = co_await parts_.resolver.addresses(std::move(*name));
        co_return found;
    }
    answer.outcome = net::DnsOutcome::no_such_name;
    answer.reason = "not a host name";
    co_return answer;
}

asio::awaitable<RelayDelivery::Attempt> RelayDelivery::try_host(std::string host) {
    const net::AddressAnswer answer = co_await addresses_of(host);
    if (answer.outcome == net::DnsOutcome::failed) {
        note({RelayResult::deferred, "", fmt::format("451 4.4.3 Looking up {}: {}", host, answer.reason)});
        co_return Attempt::go_on;
    }
    if (answer.addresses.empty()) {
        note({RelayResult::failed, "", fmt::format("550 5.4.4 The host {} has no address", host)});
        co_return Attempt::go_on;
    }
    for (const std::string& address : answer.addresses) {
        const auto& own = settings_.own_addresses;
        if (by_records() && std::find(own.begin(), own.end(), address) != own.end()) {
            const Unroutable loop = loops_back(task_->host);
            note({loop.result, "", loop.reply});
            co_return Attempt::loops;
        }
        const Attempt attempt = co_await try_address(host, address);
        if (attempt != Attempt::go_on) co_return attempt;
        if (exhausted()) break;
    }
    co_return Attempt::go_on;
}

asio::awaitable<RelayDelivery::Attempt> RelayDelivery::try_address(std::string host, std::string address) {
    std::string peer = fmt::format("[{}]", address);
    if (!literal_address(host)) peer = fmt::format("{} [{}]", host, address);
    ++addresses_tried_;
    for (const smtp::ClientTls tls : tls_in_turn) {
        net::ConnectTarget target(address, task_->port);
        if (target.port == 0) target.port = settings_.port;
        target.within = settings_.connect_within;
        Result<std::unique_ptr<net::Stream>> stream = co_await net::connect(reactor_, std::move(target));
        if (!stream) {
            log_attempt(peer, stream.error().text);
            note({RelayResult::deferred, peer, "421 4.4.1 " + stream.error().text});
            co_return Attempt::go_on;
        }
        smtp::ClientOptions options;
        options.hostname = settings_.hostname;
        options.tls = tls;
        SmtpLink::Parts parts{std::move(*stream), parts_.disk, parts_.tls, host};
        SmtpLink link(std::move(parts), std::move(options), transaction());
        Session::Report report = co_await link.open(task_->content);
        check(report.outcomes.size() == task_->recipients.size(), "one outcome for each recipient");
        if (report.stage == Session::Stage::transaction) {
            const Attempt attempt = co_await carry_on(link, std::move(report), std::move(peer));
            co_return attempt;
        }
        const smtp::RecipientOutcome& words = report.outcomes.front();
        log_attempt(peer, words.words);
        note({result_of(words.outcome), peer, words.words});
        if (report.stage == Session::Stage::session) break;
    }
    co_return Attempt::go_on;
}

asio::awaitable<RelayDelivery::Attempt> RelayDelivery::carry_on(SmtpLink& link, Session::Report report,
                                                                std::string peer) {
    for (;;) {
        log_attempt(peer, report.outcomes.front().words);
        const bool ready = report.connection == Session::Connection::ready;
        if (messages_ > 0 && is_stale(report)) co_return Attempt::stale;
        ++messages_;
        More more = More::not_wanted;
        if (ready && !stopping_() && messages_ < settings_.messages_per_connection_max) more = More::wanted;
        co_await finish(outcomes_of(report, peer), DestinationOutcome::reached, more);
        if (!task_) {
            if (ready) co_await link.leave();
            co_return Attempt::settled;
        }
        Session::Report next = co_await link.send(transaction(), task_->content);
        report = std::move(next);
    }
}

asio::awaitable<void> RelayDelivery::finish(std::vector<RelayOutcome> outcomes,
                                            DestinationOutcome destination, More more) {
    // The office may write a notice, or open a settled message: not on a reactor.
    auto work = [this, &outcomes, destination, more] {
        const std::string where = task_->assignment.destination;
        parts_.office.relay_finished(std::move(*task_), std::move(outcomes), destination);
        std::optional<office::RelayTask> next;
        if (more == More::wanted) next = parts_.office.next_relay_for(where);
        return next;
    };
    std::optional<office::RelayTask> next = co_await net::run_on(parts_.disk, std::move(work));
    task_ = std::move(next);
}

asio::awaitable<void> RelayDelivery::give_up() {
    check(verdict_.has_value(), "nobody took the message and nobody said why");
    const std::vector<RelayOutcome> outcomes(task_->recipients.size(),
                                             RelayOutcome{verdict_->result, verdict_->host, verdict_->reply});
    // A verdict for good holds for what else waits there; only what may pass by itself suspends it.
    DestinationOutcome destination = DestinationOutcome::reached;
    if (verdict_->result == RelayResult::deferred) destination = DestinationOutcome::unreachable;
    co_await finish(outcomes, destination, More::not_wanted);
}

smtp::Transaction RelayDelivery::transaction() const {
    smtp::Transaction transaction;
    transaction.sender = task_->message.sender;
    transaction.recipients = task_->recipients;
    transaction.body = task_->message.body_type;
    transaction.smtputf8 = task_->message.smtputf8;
    transaction.size = task_->content->size();
    return transaction;
}

// One host that may take it later outweighs others that never will.
void RelayDelivery::note(Verdict verdict) {
    const bool hope = verdict_ && verdict_->result == RelayResult::deferred;
    if (hope && verdict.result != RelayResult::deferred) return;
    verdict_ = std::move(verdict);
}

bool RelayDelivery::exhausted() const {
    return addresses_tried_ >= settings_.addresses_max || stopping_() ||
           std::chrono::steady_clock::now() - began_ >= settings_.connecting_max;
}

void RelayDelivery::log_attempt(const std::string& peer, const std::string& text) const {
    parts_.log.line(LogLevel::all, Service::queue, task_->assignment.id.text(), "queue.attempt", "{}: {}",
                    peer, text);
}

}  // namespace sims::serve
