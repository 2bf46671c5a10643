#include "serve/smtp_server.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "net/background.h"
#include "proto/common/lines.h"
#include "proto/smtp/body_decoder.h"
#include "proto/smtp/time_limits.h"
#include "serve/session_id.h"

namespace sims::serve {
namespace {

using proto::LineSplitter;
using proto::Reply;
using Session = smtp::ServerSession;

// What the peer hears when the post office can't: the cause is for the log.
Reply reply_for(const Error& error) {
    switch (error.fault) {
        case Fault::no_space: return {452, "4.3.1 There is no room now; try again later"};
        case Fault::limit: return smtp::reply_for(smtp::ContentDefect::too_large);
        case Fault::invalid:
        case Fault::not_found:
        case Fault::exists:
        case Fault::refused:
        case Fault::busy:
        case Fault::corrupt:
        case Fault::io:
        case Fault::unavailable: break;
    }
    return {451, "4.3.0 Something is wrong here; try again later"};
}

Reply reply_for(office::Refusal refusal) { return {refusal.code, std::move(refusal.text)}; }

class SmtpServer {
public:
    SmtpServer(std::unique_ptr<net::Stream> stream, const SmtpServices& services)
        : services_(services),
          stream_(std::move(stream)),
          id_(next_session_id()),
          tls_context_(services.tls ? services.tls() : nullptr),
          session_(options()) {
        peer_.address = stream_->peer_address();
        note_tls();
    }

    asio::awaitable<void> run();

private:
    smtp::ServerOptions options() const;
    void note_tls();
    template <class... Args>
    void log(LogLevel level, std::string_view event, fmt::format_string<Args...> format,
             Args&&... args) const {
        services_.log.line(level, Service::smtp, id_, event, format, std::forward<Args>(args)...);
    }

    void take(Session::Step step);
    void tell(Session::Input input) { take(session_.on(std::move(input))); }

    // What needs no waiting is done at once. False: the effect has to wait.
    bool advance();
    bool perform(Session::ReadLine&);
    bool perform(Session::ReadResponse&);
    bool perform(Session::CheckPassword&) { return false; }
    bool perform(Session::AdmitLogin&) { return false; }
    bool perform(Session::RejectLogin&) { return false; }
    bool perform(Session::JudgeSender& question);
    bool perform(Session::JudgeRecipient& question);
    bool perform(Session::BeginMessage& effect);
    bool perform(Session::ReceiveData&) { return false; }
    bool perform(Session::ReceiveChunk&) { return false; }
    bool perform(Session::DiscardChunk&) { return false; }
    bool perform(Session::StartTls&) { return false; }
    bool perform(Session::CloseConnection&) { return false; }

    // What has to wait. False: the connection is over.
    asio::awaitable<bool> wait();
    asio::awaitable<bool> await_line();
    asio::awaitable<bool> receive_data(std::uint64_t bytes_max);
    asio::awaitable<bool> receive_chunk(Session::ReceiveChunk chunk);
    asio::awaitable<bool> discard_chunk(std::uint64_t size);
    asio::awaitable<bool> start_tls();
    asio::awaitable<bool> check_password(Session::CheckPassword question);
    asio::awaitable<bool> admit_proved(std::string login);
    asio::awaitable<bool> reject_login(std::string login);
    asio::awaitable<void> refuse_login(std::string login, std::string_view why,
                                       std::chrono::seconds extra_pause);
    asio::awaitable<bool> fill();
    asio::awaitable<void> store_blocking(std::string_view content);
    asio::awaitable<void> complete();
    asio::awaitable<void> farewell();

    bool read_line(LineSplitter& splitter, std::string_view shown);
    bool admit(std::string_view login);
    void log_command(std::string_view line) const;
    bool store(std::string_view content);
    void note_stored(const Result<>& stored);
    void refuse_content(smtp::ContentDefect defect);

    const SmtpServices& services_;
    std::unique_ptr<net::Stream> stream_;
    const std::string id_;
    net::TlsContextPointer tls_context_;  // of this session, should the certificate change meanwhile
    Session session_;
    Session::Effect effect_;
    LineSplitter splitter_{smtp::CommandLimits::line_bytes_max};
    LineSplitter response_splitter_{sasl::ExchangeLimits::response_max};
    int failed_logins_ = 0;
    mail::Peer peer_;
    smtp::ChunkScanner scanner_;
    std::unique_ptr<office::Incoming> message_;
    std::optional<Reply> trouble_;  // the message can't be stored: what to say at its end
    std::uint64_t messages_ = 0;
};

smtp::ServerOptions SmtpServer::options() const {
    smtp::ServerOptions options;
    options.hostname = services_.hostname;
    if (services_.limits) options.limits = services_.limits();
    options.limits.message_bytes_max = services_.office.message_bytes_max();
    if (tls_context_ && !stream_->is_tls()) options.tls = smtp::TlsOffer::available;
    options.role = services_.role;
    options.channel.is_encrypted = stream_->is_tls();
    options.channel.tls_exporter = stream_->tls_exporter();
    if (services_.logins) options.secrets = &services_.logins->secrets;
    return options;
}

void SmtpServer::note_tls() {
    peer_.tls = stream_->is_tls();
    peer_.tls_description = stream_->tls_description();
}

asio::awaitable<void> SmtpServer::run() {
    log(LogLevel::all, "smtp.connected", "from {}", peer_.address);
    take(session_.greet());
    for (;;) {
        while (advance()) {
        }
        const bool going_on = co_await wait();
        if (!going_on) break;
    }
    message_.reset();
    stream_->close();
    log(LogLevel::all, "smtp.disconnected", "from {} after {} messages", peer_.address, messages_);
}

void SmtpServer::take(Session::Step step) {
    if (step.reply) {
        proto::append_reply(stream_->output(), *step.reply);
        if (services_.log.wants(LogLevel::low_level, Service::smtp))
            log(LogLevel::low_level, "smtp.reply", "{}", step.reply->one_line());
        if (step.reply->code >= 400 && services_.log.wants(LogLevel::problems, Service::smtp))
            log(LogLevel::problems, "smtp.refused", "[{}] heard: {}", peer_.address, step.reply->one_line());
    }
    effect_ = std::move(step.next);
    if (!session_.holds_message()) message_.reset();
}

// ---- at once

bool SmtpServer::advance() {
    return std::visit([this](auto& effect) { return perform(effect); }, effect_);
}

bool SmtpServer::perform(Session::ReadLine&) { return read_line(splitter_, {}); }

bool SmtpServer::perform(Session::ReadResponse&) { return read_line(response_splitter_, "(login)"); }

// Never a secret: of AUTH only the mechanism is shown.
void SmtpServer::log_command(std::string_view line) const {
    if (!services_.log.wants(LogLevel::low_level, Service::smtp)) return;
    if (starts_with_ignoring_case(line, "AUTH")) line = line.substr(0, line.find(' ', 5));
    log(LogLevel::low_level, "smtp.command", "{}", printable(line));
}

// `shown` is what the log gets to see in place of the line; empty: the line.
bool SmtpServer::read_line(LineSplitter& splitter, std::string_view shown) {
    const auto found = splitter.next(stream_->buffered());
    switch (found.kind) {
        case LineSplitter::Kind::incomplete: break;
        case LineSplitter::Kind::line:
            log_command(shown.empty() ? found.text : shown);
            tell(Session::LineArrived{found.text});
            break;
        case LineSplitter::Kind::bare_line_feed: tell(Session::BareLineFeed{}); break;
        case LineSplitter::Kind::too_long: tell(Session::LineTooLong{}); break;
    }
    stream_->consume(found.consumed);
    return found.consumed > 0;
}

bool SmtpServer::perform(Session::JudgeSender& question) {
    // A new HELO ends a transaction, so who speaks stays the same from MAIL on.
    const auto& introduction = session_.introduction();
    check(introduction.has_value(), "MAIL before HELO");
    peer_.hello = introduction->name;
    peer_.extended = introduction->extended;
    peer_.account = session_.account();
    if (auto refusal = services_.office.judge_sender(peer_, question.sender)) {
        tell(Session::Refused{reply_for(std::move(*refusal))});
    } else {
        tell(Session::Welcome{});
    }
    return true;
}

bool SmtpServer::perform(Session::JudgeRecipient& question) {
    if (auto refusal = services_.office.judge_recipient(peer_, question.sender, question.recipient)) {
        tell(Session::Refused{reply_for(std::move(*refusal))});
    } else {
        tell(Session::Welcome{});
    }
    return true;
}

bool SmtpServer::perform(Session::BeginMessage& effect) {
    trouble_.reset();
    scanner_ = {};
    auto message = services_.office.receive(peer_, effect.envelope);
    if (!message) {
        log(LogLevel::failures, "smtp.receive_failed", "{}", message.error().text);
        tell(Session::Refused{reply_for(message.error())});
        return true;
    }
    message_ = std::move(*message);
    tell(Session::MessageBegun{});
    return true;
}

// ---- waiting

asio::awaitable<bool> SmtpServer::wait() {
    if (std::holds_alternative<Session::ReadLine>(effect_) ||
        std::holds_alternative<Session::ReadResponse>(effect_)) {
        const bool going_on = co_await await_line();
        co_return going_on;
    }
    if (auto* question = std::get_if<Session::CheckPassword>(&effect_)) {
        const bool going_on = co_await check_password(std::move(*question));
        co_return going_on;
    }
    if (auto* admitted = std::get_if<Session::AdmitLogin>(&effect_)) {
        const bool going_on = co_await admit_proved(std::move(admitted->login));
        co_return going_on;
    }
    if (auto* rejected = std::get_if<Session::RejectLogin>(&effect_)) {
        const bool going_on = co_await reject_login(std::move(rejected->login));
        co_return going_on;
    }
    if (const auto* data = std::get_if<Session::ReceiveData>(&effect_))
        co_return co_await receive_data(data->bytes_max);
    if (const auto* chunk = std::get_if<Session::ReceiveChunk>(&effect_))
        co_return co_await receive_chunk(*chunk);
    if (const auto* chunk = std::get_if<Session::DiscardChunk>(&effect_))
        co_return co_await discard_chunk(chunk->size);
    if (std::holds_alternative<Session::StartTls>(effect_)) co_return co_await start_tls();
    check(std::holds_alternative<Session::CloseConnection>(effect_),
          "an effect that neither waits nor goes on");
    co_await stream_->flush();
    co_return false;
}

// Replies go out before every wait for input, and only then.
asio::awaitable<bool> SmtpServer::fill() {
    if (!stream_->output().empty()) {
        const bool sent = co_await stream_->flush();
        if (!sent) co_return false;
    }
    const bool more = co_await stream_->fill();
    if (!more) co_await farewell();
    co_return more;
}

// One time limit for a whole command, so that a byte now and then does not hold the connection open.
asio::awaitable<bool> SmtpServer::await_line() {
    stream_->expect_within(time_limit(smtp::ServerPhase::command));
    do {
        const bool more = co_await fill();
        if (!more) co_return false;
    } while (!advance());
    co_return true;
}

asio::awaitable<void> SmtpServer::farewell() {
    Reply reply;
    if (stream_->timed_out()) {
        reply = {421, "4.4.2 " + services_.hostname + " You said nothing for too long"};
    } else if (stream_->draining()) {
        reply = {421, "4.3.2 " + services_.hostname + " Closing down"};
    } else {
        co_return;
    }
    proto::append_reply(stream_->output(), reply);
    co_await stream_->flush();
}

asio::awaitable<bool> SmtpServer::receive_data(std::uint64_t bytes_max) {
    smtp::BodyDecoder decoder(bytes_max);
    std::string content;
    while (!decoder.done()) {
        if (stream_->buffered().empty()) {
            stream_->expect_within(time_limit(smtp::ServerPhase::content_block));
            const bool more = co_await fill();
            if (!more) co_return false;
        }
        content.clear();
        stream_->consume(decoder.feed(stream_->buffered(), content));
        if (!store(content)) co_await store_blocking(content);
    }
    if (const auto defect = decoder.defect()) {
        refuse_content(*defect);
    } else {
        co_await complete();
    }
    co_return true;
}

asio::awaitable<bool> SmtpServer::receive_chunk(Session::ReceiveChunk chunk) {
    while (chunk.size > 0) {
        if (stream_->buffered().empty()) {
            stream_->expect_within(time_limit(smtp::ServerPhase::content_block));
            const bool more = co_await fill();
            if (!more) co_return false;
        }
        const auto octets = stream_->buffered().substr(0, chunk.size);
        scanner_.feed(octets);
        const auto wanted = scanner_.defect() ? std::string_view() : octets;
        if (!store(wanted)) co_await store_blocking(wanted);
        chunk.size -= octets.size();
        stream_->consume(octets.size());
    }
    if (chunk.last) {
        const auto line_end = scanner_.finish();
        if (!store(line_end)) co_await store_blocking(line_end);
    }
    if (scanner_.defect()) {
        refuse_content(*scanner_.defect());
    } else if (chunk.last) {
        co_await complete();
    } else if (trouble_) {
        tell(Session::Refused{std::move(*trouble_)});
    } else {
        tell(Session::ChunkReceived{});
    }
    co_return true;
}

asio::awaitable<bool> SmtpServer::discard_chunk(std::uint64_t size) {
    while (size > 0) {
        if (stream_->buffered().empty()) {
            stream_->expect_within(time_limit(smtp::ServerPhase::content_block));
            const bool more = co_await fill();
            if (!more) co_return false;
        }
        const auto count = std::min<std::uint64_t>(size, stream_->buffered().size());
        stream_->consume(static_cast<std::size_t>(count));
        size -= count;
    }
    tell(Session::ChunkDiscarded{});
    co_return true;
}

asio::awaitable<bool> SmtpServer::start_tls() {
    stream_->expect_within(time_limit(smtp::ServerPhase::tls_handshake));
    const auto started = co_await stream_->accept_tls(*tls_context_);
    if (!started) {
        log(LogLevel::problems, "smtp.tls_failed", "[{}] {}", peer_.address, started.error().text);
        co_return false;
    }
    note_tls();
    tell(Session::TlsStarted{stream_->tls_exporter()});
    co_return true;
}

// ---- logins

bool SmtpServer::admit(std::string_view login) {
    const auto account = services_.logins->desk.directory.find_login(login);
    if (!account || !account->login_enabled) return false;
    log(LogLevel::all, "smtp.login", "{} from {}", account->name.text(), peer_.address);
    tell(Session::LoginJudged{Session::LoginVerdict::right, account->name.text()});
    return true;
}

asio::awaitable<bool> SmtpServer::check_password(Session::CheckPassword question) {
    LoginAttempt attempt{question.login, std::move(question.password), peer_.address};
    const auto judged = co_await judge_login(services_.logins->desk, std::move(attempt));
    auto verdict = judged.verdict;
    if (verdict == LoginVerdict::right) {
        if (admit(question.login)) co_return true;
        verdict = LoginVerdict::wrong;  // removed this very moment
    }
    if (verdict == LoginVerdict::unavailable) {
        tell(Session::LoginJudged{Session::LoginVerdict::unavailable});
        co_return true;
    }
    co_await refuse_login(std::move(question.login), words_of(verdict), judged.extra_pause);
    co_return true;
}

// SCRAM: the keys in memory have said yes.
asio::awaitable<bool> SmtpServer::admit_proved(std::string login) {
    const auto& desk = services_.logins->desk;
    const bool is_throttled = desk.throttle.refuses(guard::guest_of(peer_.address, login), desk.clock());
    if (!is_throttled && admit(login)) co_return true;
    const auto why = is_throttled ? LoginVerdict::throttled : LoginVerdict::login_disabled;
    co_await refuse_login(std::move(login), words_of(why), std::chrono::seconds{0});
    co_return true;
}

// SCRAM: the keys in memory have said no.
asio::awaitable<bool> SmtpServer::reject_login(std::string login) {
    const auto& desk = services_.logins->desk;
    const auto extra = desk.throttle.failed(guard::guest_of(peer_.address, login), desk.clock());
    co_await refuse_login(std::move(login), words_of(LoginVerdict::wrong), extra);
    co_return true;
}

asio::awaitable<void> SmtpServer::refuse_login(std::string login, std::string_view why,
                                               std::chrono::seconds extra_pause) {
    log(LogLevel::problems, "smtp.login_failed", "login of {} from {} failed: {}", printable(login, 128),
        peer_.address, why);
    ++failed_logins_;
    co_await pause_for(services_.logins->failure_pause * failed_logins_ + extra_pause);
    tell(Session::LoginJudged{Session::LoginVerdict::wrong});
}

// ---- a message's content

// False: it may block, and is to be stored by store_blocking().
bool SmtpServer::store(std::string_view content) {
    if (trouble_ || content.empty()) return true;
    if (message_->next_append_blocks(content.size())) return false;
    note_stored(message_->append(content));
    return true;
}

asio::awaitable<void> SmtpServer::store_blocking(std::string_view content) {
    auto* message = message_.get();
    auto work = [message, content] { return message->append(content); };
    const auto stored = co_await net::run_on(services_.disk, work);
    note_stored(stored);
}

void SmtpServer::note_stored(const Result<>& stored) {
    if (stored) return;
    log(LogLevel::failures, "smtp.store_failed", "{}", stored.error().text);
    trouble_ = reply_for(stored.error());
}

void SmtpServer::refuse_content(smtp::ContentDefect defect) { tell(Session::ContentRefused{defect}); }

asio::awaitable<void> SmtpServer::complete() {
    if (trouble_) {
        tell(Session::Refused{std::move(*trouble_)});
        co_return;
    }
    // The client waits as long (RFC 5321 4.5.3.2.6); to close before would only make it send the message
    // again.
    stream_->expect_within(time_limit(smtp::Phase::content_end));
    const auto size = message_->size();
    auto& office = services_.office;
    auto* message = &message_;
    auto start = [&office, message](std::function<void(office::Accepted)> done) {
        office.accept(std::move(*message), std::move(done));
    };
    auto accepted = co_await net::wait_for<office::Accepted>(start);
    if (auto* refusal = std::get_if<office::Refusal>(&accepted)) {
        tell(Session::Refused{reply_for(std::move(*refusal))});
        co_return;
    }
    ++messages_;
    auto queue_id = std::get<queue::QueueId>(accepted).text();
    log(LogLevel::all, "smtp.queued", "message {} of {} bytes", queue_id, size);
    tell(Session::MessageQueued{std::move(queue_id)});
}

}  // namespace

asio::awaitable<void> serve_smtp(std::unique_ptr<net::Stream> stream, const SmtpServices& services) {
    SmtpServer server(std::move(stream), services);
    co_await server.run();
}

}  // namespace sims::serve
