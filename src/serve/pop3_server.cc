#include "serve/pop3_server.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "net/background.h"
#include "serve/implicit_tls.h"
#include "serve/line_input.h"
#include "serve/message_feed.h"
#include "serve/session_id.h"

namespace sims::serve {

namespace {

using Outcome = asio::awaitable<std::optional<pop3::Input>>;  // nothing: the connection is over

class MaildropListing final : public pop3::Listing {
public:
    explicit MaildropListing(std::span<const store::MessageEntry> messages) : messages_(messages) {}
    std::size_t count() const override { return messages_.size(); }
    std::uint64_t size(std::size_t message) const override { return messages_[message].wire_size; }
    std::uint64_t total_size() const override {
        std::uint64_t total = 0;
        for (const auto& message : messages_) total += message.wire_size;
        return total;
    }
    void append_uid(std::size_t message, std::string& out) const override {
        out += messages_[message].uid.text();
    }

private:
    std::span<const store::MessageEntry> messages_;
};

pop3::LoginVerdict told(LoginVerdict verdict) {
    switch (verdict) {
        case LoginVerdict::right: return pop3::LoginVerdict::right;
        case LoginVerdict::wrong: return pop3::LoginVerdict::wrong;
        case LoginVerdict::login_disabled: return pop3::LoginVerdict::login_disabled;
        case LoginVerdict::throttled:
        case LoginVerdict::unavailable: return pop3::LoginVerdict::unavailable;
    }
    return pop3::LoginVerdict::unavailable;
}

pop3::Config config_of(const net::Stream& stream, const Pop3Services& services) {
    pop3::Config config;
    config.host = services.hostname;
    config.limits = services.limits.session;
    if (stream.is_tls()) {
        config.tls = pop3::Tls::active;
    } else if (services.tls && services.tls() != nullptr) {
        config.tls = pop3::Tls::offered;
    }
    return config;
}

class Pop3Connection {
public:
    Pop3Connection(std::unique_ptr<net::Stream> stream, const Pop3Services& services)
        : stream_(std::move(stream)),
          services_(services),
          id_(next_session_id()),
          peer_(stream_->peer_address()),
          session_(config_of(*stream_, services)),
          lines_(*stream_, services.limits.session.line_bytes_max) {}

    asio::awaitable<void> run();

private:
    std::optional<pop3::Input> next_line();
    pop3::Step on_line(const pop3::Input& line);

    Outcome perform(pop3::ReadLine& effect);
    Outcome perform(pop3::CheckPassword& effect);
    Outcome perform(pop3::OpenMaildrop& effect);
    Outcome perform(pop3::SendListing& effect);
    Outcome perform(pop3::SendMessage& effect);
    Outcome perform(pop3::CommitDeletes& effect);
    Outcome perform(pop3::StartTls& effect);
    Outcome perform(pop3::CloseConnection& effect);

    asio::awaitable<bool> send_rest(MessageFeed::Piece piece, MessageFeed::Place& place);
    asio::awaitable<bool> flush();
    void expect_progress();
    void log_line(std::string_view line);

    std::unique_ptr<net::Stream> stream_;
    const Pop3Services& services_;
    const std::string id_;
    const std::string peer_;
    pop3::Session session_;
    LineInput lines_;
    unsigned failed_logins_ = 0;
    std::optional<directory::Account> account_;
    std::optional<MaildropListing> listing_;
    std::optional<MessageFeed> feed_;
    std::unique_ptr<store::Maildrop> drop_;  // what the two above look at
};

asio::awaitable<void> Pop3Connection::run() {
    stream_->expect_within(services_.limits.login);
    auto step = session_.greet();
    for (;;) {
        stream_->put(step.reply);
        std::optional<pop3::Input> input;
        // Lines that are there already are answered without the cost of a coroutine.
        if (std::holds_alternative<pop3::ReadLine>(step.next) && !stream_->output_is_large())
            input = next_line();
        if (!input) {
            const auto perform_it = [this](auto& effect) { return this->perform(effect); };
            input = co_await std::visit(perform_it, step.next);
        }
        if (!input) break;
        step = on_line(*input);
    }
    stream_->close();
}

// The line (if that was the input) stays in the stream's buffer until the session has seen it.
pop3::Step Pop3Connection::on_line(const pop3::Input& line) {
    auto step = session_.on(line);
    lines_.done();
    return step;
}

std::optional<pop3::Input> Pop3Connection::next_line() {
    const auto found = lines_.next();
    if (!found) return std::nullopt;
    if (found->kind == LineInput::Kind::too_long) return pop3::LineTooLong{};
    log_line(found->text);
    return pop3::LineArrived{found->text};
}

void Pop3Connection::log_line(std::string_view line) {
    if (!services_.log.wants(LogLevel::low_level, Service::pop)) return;
    const bool secret = starts_with_ignoring_case(trim(line), "PASS");
    services_.log.line(LogLevel::low_level, Service::pop, id_, "pop.line", "{}",
                       secret ? std::string("PASS ...") : printable(line));
}

// Before the login the whole of it has one deadline, so that noise does not keep a connection.
void Pop3Connection::expect_progress() {
    if (!drop_) return;
    stream_->expect_within(
        std::chrono::seconds(services_.desk.directory.settings()->number("pop", "idle_timeout")));
}

asio::awaitable<bool> Pop3Connection::flush() {
    if (stream_->output().empty()) co_return true;
    expect_progress();
    co_return co_await stream_->flush();
}

Outcome Pop3Connection::perform(pop3::ReadLine&) {
    for (;;) {
        const bool sent = co_await flush();
        if (!sent) co_return std::nullopt;
        if (auto line = next_line()) co_return line;
        expect_progress();
        const bool more = co_await stream_->fill();
        if (!more) break;
        if (auto line = next_line()) co_return line;
    }
    if (stream_->timed_out()) {
        services_.log.line(LogLevel::all, Service::pop, id_, "pop.timeout", "{} was silent for too long",
                           peer_);
    }
    co_return std::nullopt;
}

Outcome Pop3Connection::perform(pop3::CheckPassword& effect) {
    LoginAttempt attempt{effect.login, effect.password, peer_};
    const auto judged = co_await judge_login(services_.desk, std::move(attempt));
    auto verdict = told(judged.verdict);
    auto cause = words_of(judged.verdict);
    account_ = services_.desk.directory.find_login(effect.login);
    if (verdict == pop3::LoginVerdict::right) {
        if (!account_) {
            verdict = pop3::LoginVerdict::wrong;
            cause = "the account was removed this very moment";
        } else if (account_->apop_required) {
            verdict = pop3::LoginVerdict::apop_required;
            cause = "the account takes APOP logins only";
        }
    }
    if (verdict != pop3::LoginVerdict::right) {
        services_.log.line(LogLevel::problems, Service::pop, id_, "pop.login_failed",
                           "login of {} from {} failed: {}", printable(effect.login, 128), peer_, cause);
        ++failed_logins_;
        const auto pause = services_.limits.failed_login_pause * failed_logins_ + judged.extra_pause;
        co_await pause_for(pause);
    }
    co_return pop3::LoginJudged{verdict};
}

Outcome Pop3Connection::perform(pop3::OpenMaildrop&) {
    const auto& account = *account_;
    auto work = [this, &account] { return services_.mail_room.open(account); };
    auto opened = co_await net::run_on(services_.disk, work);
    if (!opened) {
        services_.log.line(LogLevel::problems, Service::pop, id_, "pop.mailbox_not_opened",
                           "mailbox of {}: {}", account.name.text(), opened.error().text);
        if (opened.error().fault == Fault::busy) co_return pop3::MaildropBusy{};
        co_return pop3::MaildropUnavailable{};
    }
    drop_ = std::move(*opened);
    listing_.emplace(drop_->messages());
    feed_.emplace(*drop_, services_.limits.chunk_bytes);
    const directory::LastLogin login{services_.desk.clock(), peer_, "pop"};
    services_.desk.directory.note_login(account.name, login);
    services_.log.line(LogLevel::all, Service::pop, id_, "pop.login", "{} from {}, {} messages",
                       account.name.text(), peer_, listing_->count());
    co_return pop3::MaildropOpened{&*listing_};
}

Outcome Pop3Connection::perform(pop3::SendListing&) {
    if (stream_->output_is_large()) {
        const bool sent = co_await flush();
        if (!sent) co_return std::nullopt;
    }
    co_return pop3::ListingSent{};
}

Outcome Pop3Connection::perform(pop3::SendMessage& effect) {
    if (stream_->output_is_large()) {
        const bool sent = co_await flush();
        if (!sent) co_return std::nullopt;
    }
    MessageFeed::Place place(effect.message, effect.body_lines);
    if (const auto ready = feed_->take_ahead(place)) {
        stream_->put(effect.reply);
        stream_->put(*ready);
        co_return pop3::MessageSent{};
    }
    auto& feed = *feed_;
    auto work = [&feed, &place] { return feed.read(place); };
    auto piece = co_await net::run_on(services_.disk, work);
    if (!piece) {
        services_.log.line(LogLevel::failures, Service::pop, id_, "pop.message_unreadable",
                           "message {} of {} cannot be read: {}", effect.message + 1, account_->name.text(),
                           piece.error().text);
        co_return pop3::MessageUnreadable{};
    }
    stream_->put(effect.reply);
    const bool sent = co_await send_rest(std::move(*piece), place);
    if (!sent) co_return std::nullopt;
    co_return pop3::MessageSent{};
}

// The first piece and, while there are more, those behind it.
asio::awaitable<bool> Pop3Connection::send_rest(MessageFeed::Piece piece, MessageFeed::Place& place) {
    auto& feed = *feed_;
    for (;;) {
        stream_->put(piece.bytes);
        if (piece.last) co_return true;
        const bool sent = co_await flush();
        if (!sent) co_return false;
        auto work = [&feed, &place] { return feed.read(place); };
        auto next = co_await net::run_on(services_.disk, work);
        if (!next) {
            // Half a message is out: only a broken connection tells the client that it is not whole.
            services_.log.line(LogLevel::failures, Service::pop, id_, "pop.message_cut",
                               "a message of {} cannot be read to its end: {}", account_->name.text(),
                               next.error().text);
            co_return false;
        }
        piece = std::move(*next);
    }
}

Outcome Pop3Connection::perform(pop3::CommitDeletes& effect) {
    const auto count = effect.messages.size();
    feed_.reset();
    listing_.reset();
    auto work = [this, &effect] {
        return services_.mail_room.remove(*account_, std::move(drop_), std::move(effect.messages));
    };
    const auto removed = co_await net::run_on(services_.disk, work);
    if (!removed) {
        services_.log.line(LogLevel::failures, Service::pop, id_, "pop.not_deleted",
                           "{} messages of {} stay: {}", count, account_->name.text(), removed.error().text);
        co_return pop3::DeletesFailed{};
    }
    services_.log.line(LogLevel::all, Service::pop, id_, "pop.deleted", "{} deleted {} messages",
                       account_->name.text(), count);
    co_return pop3::DeletesCommitted{};
}

Outcome Pop3Connection::perform(pop3::StartTls&) {
    const bool sent = co_await flush();
    if (!sent) co_return std::nullopt;
    const auto context = services_.tls();
    if (context == nullptr) co_return std::nullopt;
    const Result<> shaken = co_await stream_->accept_tls(*context);
    if (!shaken) {
        services_.log.line(LogLevel::problems, Service::pop, id_, "pop.tls_failed", "TLS with {}: {}", peer_,
                           shaken.error().text);
        co_return std::nullopt;
    }
    lines_.restart();
    co_return pop3::TlsStarted{};
}

// The mailbox is free before the client hears goodbye: it may come back at once.
Outcome Pop3Connection::perform(pop3::CloseConnection&) {
    feed_.reset();
    listing_.reset();
    drop_.reset();
    co_await stream_->flush();
    co_return std::nullopt;
}

}  // namespace

MailRoom::MailRoom(office::PostOffice& office)
    : open([&office](const directory::Account& account) { return office.open_maildrop(account); }),
      remove([&office](const directory::Account& account, std::unique_ptr<store::Maildrop> drop,
                       std::vector<std::size_t> numbers) {
          return office.remove_messages(account, std::move(drop), std::move(numbers));
      }) {}

asio::awaitable<void> serve_pop3(std::unique_ptr<net::Stream> stream, const Pop3Services& services) {
    Pop3Connection connection(std::move(stream), services);
    co_await connection.run();
}

asio::awaitable<void> serve_pop3s(std::unique_ptr<net::Stream> stream, const Pop3Services& services) {
    const bool begun = co_await begin_with_tls(*stream, services.tls(), Service::pop, services.log);
    if (!begun) co_return;
    co_await serve_pop3(std::move(stream), services);
}

}  // namespace sims::serve
