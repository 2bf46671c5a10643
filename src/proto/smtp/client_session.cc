#include "proto/smtp/client_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "proto/common/conversation.h"

namespace sims::smtp {
namespace {

static_assert(proto::Conversation<ClientSession>);

using Step = ClientSession::Step;

constexpr int service_not_available = 421;  // RFC 5321 3.8: may come in answer to anything

Outcome outcome_of(const Reply& reply) {
    if (reply.is_positive()) return Outcome::delivered;
    if (reply.is_permanent()) return Outcome::failed;
    return Outcome::deferred;  // 4yz, or a reply that makes no sense here
}

RecipientOutcome judged(const Reply& reply) { return {outcome_of(reply), reply.one_line()}; }

// The refusal of something that had to be accepted: a 2yz or 3yz in its place is the peer's confusion.
RecipientOutcome refused(const Reply& reply) {
    return {reply.is_permanent() ? Outcome::failed : Outcome::deferred, reply.one_line()};
}

// RFC 5321 4.5.3.1.10: too many recipients, in the words of older servers.
bool is_too_many_recipients(const Reply& reply) {
    return reply.code == 552 && reply.text.compare(0, 5, "5.5.3") == 0;
}

bool needs_utf8(const Transaction& transaction) {
    const auto is_utf8 = [](const mail::Address& address) { return !address.is_ascii(); };
    return transaction.smtputf8 || (transaction.sender.address && is_utf8(*transaction.sender.address)) ||
           std::any_of(transaction.recipients.begin(), transaction.recipients.end(), is_utf8);
}

void append_recipient(std::string& out, const mail::Address& recipient) {
    out += "RCPT TO:<";
    out += recipient.text();
    out += ">\r\n";
}

}  // namespace

ClientSession::ClientSession(ClientOptions options, Transaction first)
    : options_(std::move(options)), state_(Greeting{std::move(first)}) {}

Step ClientSession::greet() { return {{}, ReadReply{Phase::greeting}}; }

Step ClientSession::on(Input input) {
    return std::visit([this](auto& what) { return on_input(what); }, input);
}

// ---- what happened

Step ClientSession::on_input(const ReplyArrived& input) {
    const auto& reply = input.reply;
    if (std::holds_alternative<Leaving>(state_)) {
        state_ = Over{};
        return {{}, Close{}};
    }
    if (reply.code == service_not_available) return give_up({Outcome::deferred, reply.one_line()}, {});
    if (auto* greeting = std::get_if<Greeting>(&state_)) return on_reply(*greeting, reply);
    if (auto* hello = std::get_if<Hello>(&state_)) return on_reply(*hello, reply);
    if (auto* asking = std::get_if<AskingTls>(&state_)) return on_reply(*asking, reply);
    auto* exchange = std::get_if<Exchange>(&state_);
    check(exchange != nullptr, "a reply nobody waited for");
    return on_reply(*exchange, reply);
}

Step ClientSession::on_input(ContentSent) {
    auto* exchange = std::get_if<Exchange>(&state_);
    check(exchange && exchange->waiting_for == Phase::content_block, "no content was to be sent");
    exchange->waiting_for = Phase::content_end;
    return {{}, ReadReply{Phase::content_end}};
}

Step ClientSession::on_input(TlsStarted) {
    auto* handshaking = std::get_if<Handshaking>(&state_);
    check(handshaking != nullptr, "nobody asked for TLS");
    tls_ = true;
    return say_hello(std::move(handshaking->transaction), Extended::ehlo);
}

Step ClientSession::on_input(const TlsFailed& input) {
    check(std::holds_alternative<Handshaking>(state_), "nobody asked for TLS");
    return give_up({Outcome::deferred, "454 4.7.0 TLS handshake failed: " + input.reason}, {});
}

Step ClientSession::on_input(const ConnectionLost& input) {
    if (std::holds_alternative<Leaving>(state_)) {
        state_ = Over{};
        return {{}, Close{}};
    }
    return give_up({Outcome::deferred, "421 4.4.2 " + input.reason}, {});
}

Step ClientSession::on_input(NextTransaction& input) {
    auto* idle = std::get_if<Idle>(&state_);
    check(idle != nullptr, "a transaction in the middle of another");
    return begin(std::move(input.transaction), idle->leftover);
}

Step ClientSession::on_input(Leave) {
    check(std::holds_alternative<Idle>(state_), "leaving in the middle of a transaction");
    state_ = Leaving{};
    return {"QUIT\r\n", ReadReply{Phase::quit}};
}

// ---- before the first transaction

Step ClientSession::on_reply(Greeting& state, const Reply& reply) {
    if (reply.code != 220) return give_up(refused(reply), "QUIT\r\n");
    return say_hello(std::move(state.transaction), Extended::ehlo);
}

Step ClientSession::say_hello(Transaction transaction, Extended extended) {
    auto line = fmt::format("{} {}\r\n", extended == Extended::ehlo ? "EHLO" : "HELO", options_.hostname);
    offers_ = {};
    state_ = Hello{std::move(transaction), extended};
    return {std::move(line), ReadReply{Phase::hello}};
}

Step ClientSession::on_reply(Hello& state, const Reply& reply) {
    if (!reply.is_positive()) {
        // RFC 5321 3.2: who does not know EHLO may know HELO. Not over TLS: a server that has it knows EHLO.
        if (state.extended == Extended::ehlo && reply.is_permanent() && !tls_)
            return say_hello(std::move(state.transaction), Extended::helo);
        return give_up(refused(reply), "QUIT\r\n");
    }
    if (state.extended == Extended::ehlo) read_offers(reply);
    if (offers_.starttls && !tls_ && options_.tls == ClientTls::opportunistic) {
        AskingTls asking{std::move(state.transaction)};
        state_ = std::move(asking);
        return {"STARTTLS\r\n", ReadReply{Phase::start_tls}};
    }
    return begin(std::move(state.transaction), Leftover::none);
}

void ClientSession::read_offers(const Reply& reply) {
    auto lines = split(reply.text, '\n');
    for (std::size_t i = 1; i < lines.size(); ++i) {  // the first line is the peer's name
        const auto line = trim(lines[i]);
        const auto keyword = line.substr(0, line.find(' '));
        const auto is = [&](std::string_view name) { return equal_ignoring_case(keyword, name); };
        if (is("PIPELINING")) offers_.pipelining = true;
        if (is("8BITMIME")) offers_.eight_bit = true;
        if (is("SMTPUTF8")) offers_.smtputf8 = true;
        if (is("CHUNKING")) offers_.chunking = true;
        if (is("BINARYMIME")) offers_.binary = true;
        if (is("STARTTLS")) offers_.starttls = true;
        if (is("SIZE")) {
            const auto number = trim(line.substr(keyword.size()));
            std::uint64_t size = 0;
            const auto end = number.data() + number.size();
            const bool read = std::from_chars(number.data(), end, size).ec == std::errc();
            offers_.size = read ? size : 0;
        }
    }
}

Step ClientSession::on_reply(AskingTls& state, const Reply& reply) {
    if (!reply.is_positive()) return begin(std::move(state.transaction), Leftover::none);
    Handshaking handshaking{std::move(state.transaction)};
    state_ = std::move(handshaking);
    return {{}, StartTls{}};
}

// ---- a transaction

std::optional<RecipientOutcome> ClientSession::obstacle(const Transaction& transaction) const {
    if (offers_.size.value_or(0) != 0 && transaction.size > *offers_.size)
        return RecipientOutcome{
            Outcome::failed, fmt::format("552 5.3.4 The message has {} bytes, and the host takes {} at most",
                                         transaction.size, *offers_.size)};
    if (needs_utf8(transaction) && !offers_.smtputf8)
        return RecipientOutcome{Outcome::failed,
                                "553 5.6.7 The message needs SMTPUTF8, which the host lacks"};
    if (transaction.body == mail::BodyType::binary_mime && !(offers_.chunking && offers_.binary))
        return RecipientOutcome{Outcome::failed,
                                "554 5.6.1 The message needs BINARYMIME, which the host lacks"};
    return std::nullopt;
}

std::string ClientSession::mail_line(const Transaction& transaction) const {
    auto line = fmt::format("MAIL FROM:<{}>", transaction.sender.text());
    if (offers_.size) line += fmt::format(" SIZE={}", transaction.size);
    switch (transaction.body) {
        case mail::BodyType::seven_bit: break;
        case mail::BodyType::eight_bit_mime:
            // Where it is not offered the octets go out as they are: every server in use takes them, and to
            // rewrite a message breaks its signatures.
            if (offers_.eight_bit) line += " BODY=8BITMIME";
            break;
        case mail::BodyType::binary_mime: line += " BODY=BINARYMIME"; break;
    }
    if (needs_utf8(transaction)) line += " SMTPUTF8";
    line += "\r\n";
    return line;
}

Step ClientSession::begin(Transaction transaction, Leftover leftover) {
    check(!transaction.recipients.empty(), "a transaction without recipients");
    Exchange exchange;
    exchange.outcomes.resize(transaction.recipients.size());
    if (const auto trouble = obstacle(transaction)) {
        for (auto& outcome : exchange.outcomes) outcome = trouble;
        return report(exchange, leftover);
    }
    std::string send;
    exchange.waiting_for = Phase::mail;
    if (leftover == Leftover::envelope) {
        send += "RSET\r\n";
        exchange.waiting_for = Phase::reset;
    }
    if (offers_.pipelining || exchange.waiting_for == Phase::mail) send += mail_line(transaction);
    if (offers_.pipelining) {
        for (const auto& recipient : transaction.recipients) append_recipient(send, recipient);
        if (transaction.body != mail::BodyType::binary_mime) send += "DATA\r\n";
    }
    const auto phase = exchange.waiting_for;
    exchange.transaction = std::move(transaction);
    state_ = std::move(exchange);
    return {std::move(send), ReadReply{phase}};
}

Step ClientSession::on_reply(Exchange& state, const Reply& reply) {
    switch (state.waiting_for) {
        case Phase::reset: {
            state.waiting_for = Phase::mail;
            auto send = offers_.pipelining ? std::string() : mail_line(state.transaction);
            return {std::move(send), ReadReply{Phase::mail}};
        }
        case Phase::mail: return on_mail(state, reply);
        case Phase::recipient: return on_recipient(state, reply);
        case Phase::data: return on_data(state, reply);
        case Phase::content_end: return on_content_end(state, reply);
        case Phase::content_block:
        case Phase::greeting:
        case Phase::hello:
        case Phase::start_tls:
        case Phase::quit: break;
    }
    broken_invariant("a reply in a phase without one", BOOST_CURRENT_LOCATION);
}

Step ClientSession::on_mail(Exchange& state, const Reply& reply) {
    if (!reply.is_positive()) {
        for (auto& outcome : state.outcomes) outcome = refused(reply);
        if (!offers_.pipelining) return report(state, Leftover::none);
    }
    state.waiting_for = Phase::recipient;
    std::string send;
    if (!offers_.pipelining) append_recipient(send, state.transaction.recipients.front());
    return {std::move(send), ReadReply{Phase::recipient}};
}

Step ClientSession::on_recipient(Exchange& state, const Reply& reply) {
    auto& outcome = state.outcomes[state.recipient];
    if (!outcome && !reply.is_positive()) {
        outcome = refused(reply);
        if (is_too_many_recipients(reply)) outcome->outcome = Outcome::deferred;
    }
    if (!outcome) ++state.accepted;
    ++state.recipient;
    const bool more = state.recipient < state.transaction.recipients.size();
    std::string send;
    if (more) {
        if (!offers_.pipelining) append_recipient(send, state.transaction.recipients[state.recipient]);
        return {std::move(send), ReadReply{Phase::recipient}};
    }
    const bool binary = state.transaction.body == mail::BodyType::binary_mime;
    if (state.accepted == 0 && (!offers_.pipelining || binary)) return report(state, Leftover::envelope);
    if (binary) {
        state.waiting_for = Phase::content_block;
        return {fmt::format("BDAT {} LAST\r\n", state.transaction.size), SendContent{Framing::exact}};
    }
    state.waiting_for = Phase::data;
    if (!offers_.pipelining) send += "DATA\r\n";
    return {std::move(send), ReadReply{Phase::data}};
}

Step ClientSession::on_data(Exchange& state, const Reply& reply) {
    if (reply.code != 354) {
        settle(state, refused(reply));
        return report(state, Leftover::envelope);
    }
    if (state.accepted == 0) {
        // RFC 2920 3.1: the burst held DATA, and the peer takes it though it refused every recipient.
        state.waiting_for = Phase::content_end;
        return {".\r\n", ReadReply{Phase::content_end}};
    }
    state.waiting_for = Phase::content_block;
    return {{}, SendContent{Framing::dots}};
}

Step ClientSession::on_content_end(Exchange& state, const Reply& reply) {
    settle(state, judged(reply));
    return report(state, Leftover::none);
}

void ClientSession::settle(Exchange& state, const RecipientOutcome& verdict) {
    for (auto& outcome : state.outcomes) {
        if (!outcome) outcome = verdict;
    }
}

Step ClientSession::report(Exchange& state, Leftover leftover) {
    Report report{{}, Stage::transaction, Connection::ready};
    report.outcomes.reserve(state.outcomes.size());
    for (auto& outcome : state.outcomes) report.outcomes.push_back(std::move(*outcome));
    state_ = Idle{leftover};
    return {{}, std::move(report)};
}

// The end of the connection, in whatever state it is. Recipients without an outcome get this one.
Step ClientSession::give_up(RecipientOutcome verdict, std::string send) {
    Report report{{}, Stage::session, Connection::over};
    const auto all = [&](const Transaction& transaction) {
        report.outcomes.assign(transaction.recipients.size(), verdict);
    };
    if (auto* greeting = std::get_if<Greeting>(&state_)) all(greeting->transaction);
    if (auto* hello = std::get_if<Hello>(&state_)) all(hello->transaction);
    if (auto* asking = std::get_if<AskingTls>(&state_)) all(asking->transaction);
    if (auto* handshaking = std::get_if<Handshaking>(&state_)) {
        all(handshaking->transaction);
        report.stage = Stage::tls;
    }
    if (auto* exchange = std::get_if<Exchange>(&state_)) {
        settle(*exchange, verdict);
        report.stage = Stage::transaction;
        for (auto& outcome : exchange->outcomes) report.outcomes.push_back(std::move(*outcome));
    }
    check(!report.outcomes.empty(), "a connection lost while nothing was under way");
    state_ = Over{};
    return {std::move(send), std::move(report)};
}

}  // namespace sims::smtp
