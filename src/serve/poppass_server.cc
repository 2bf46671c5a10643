#include "serve/poppass_server.h"

#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "net/background.h"
#include "serve/implicit_tls.h"
#include "serve/line_input.h"
#include "serve/password_rules.h"
#include "serve/session_id.h"

namespace sims::serve {

namespace {

using Outcome = asio::awaitable<std::optional<poppass::Input>>;  // nothing: the connection is over

// Nothing is told of an account that may not log in.
poppass::LoginVerdict told(LoginVerdict verdict) {
    switch (verdict) {
        case LoginVerdict::right: return poppass::LoginVerdict::right;
        case LoginVerdict::wrong:
        case LoginVerdict::login_disabled: return poppass::LoginVerdict::wrong;
        case LoginVerdict::throttled:
        case LoginVerdict::unavailable: return poppass::LoginVerdict::unavailable;
    }
    return poppass::LoginVerdict::unavailable;
}

poppass::Config config_of(const PoppassServices& services) {
    return {services.hostname, services.limits.session};
}

// Any other line may hold a password, mistyped commands too.
std::string without_secrets(std::string_view line) {
    if (starts_with_ignoring_case(line, "user ")) return printable(line);
    for (const std::string_view verb : {"pass", "newpass", "quit"}) {
        if (starts_with_ignoring_case(line, verb)) return fmt::format("{} ...", verb);
    }
    return "...";
}

class PoppassConnection {
public:
    PoppassConnection(std::unique_ptr<net::Stream> stream, const PoppassServices& services)
        : stream_(std::move(stream)),
          services_(services),
          id_(next_session_id()),
          peer_(stream_->peer_address()),
          session_(config_of(services)),
          lines_(*stream_, services.limits.session.line_bytes_max) {}

    asio::awaitable<void> run();

private:
    std::optional<poppass::Input> next_line();

    Outcome perform(poppass::ReadLine& effect);
    Outcome perform(poppass::CheckPassword& effect);
    Outcome perform(poppass::ChangePassword& effect);
    Outcome perform(poppass::CloseConnection& effect);

    Result<directory::AccountName> change(const poppass::ChangePassword& effect) const;

    std::unique_ptr<net::Stream> stream_;
    const PoppassServices& services_;
    const std::string id_;
    const std::string peer_;
    poppass::Session session_;
    LineInput lines_;
};

asio::awaitable<void> PoppassConnection::run() {
    stream_->expect_within(services_.limits.login);
    auto step = session_.greet();
    for (;;) {
        stream_->put(step.reply);
        const auto perform_it = [this](auto& effect) { return this->perform(effect); };
        const auto input = co_await std::visit(perform_it, step.next);
        if (!input) break;
        step = session_.on(*input);
        lines_.done();
    }
    stream_->close();
}

std::optional<poppass::Input> PoppassConnection::next_line() {
    const auto found = lines_.next();
    if (!found) return std::nullopt;
    if (found->kind == LineInput::Kind::too_long) return poppass::LineTooLong{};
    if (services_.log.wants(LogLevel::low_level, Service::pwd)) {
        services_.log.line(LogLevel::low_level, Service::pwd, id_, "pwd.line", "{}",
                           without_secrets(found->text));
    }
    return poppass::LineArrived{found->text};
}

Outcome PoppassConnection::perform(poppass::ReadLine&) {
    for (;;) {
        const bool sent = co_await stream_->flush();
        if (!sent) co_return std::nullopt;
        if (auto line = next_line()) co_return line;
        const bool more = co_await stream_->fill();
        if (!more) break;
    }
    if (stream_->timed_out()) {
        services_.log.line(LogLevel::all, Service::pwd, id_, "pwd.timeout", "{} was silent for too long",
                           peer_);
    }
    co_return std::nullopt;
}

Outcome PoppassConnection::perform(poppass::CheckPassword& effect) {
    LoginAttempt attempt{effect.login, effect.password, peer_};
    const auto judged = co_await judge_login(services_.desk, std::move(attempt));
    if (judged.verdict == LoginVerdict::right) {
        stream_->expect_within(services_.limits.newpass);
        co_return poppass::LoginJudged{poppass::LoginVerdict::right};
    }
    services_.log.line(LogLevel::problems, Service::pwd, id_, "pwd.login_failed",
                       "login of {} from {} failed: {}", printable(effect.login, 128), peer_,
                       words_of(judged.verdict));
    const auto values = services_.desk.directory.settings();
    const auto pause =
        std::chrono::seconds(values->number("pwd", "wrong_password_pause")) + judged.extra_pause;
    stream_->expect_within(pause + services_.limits.last_words);
    co_await pause_for(pause);
    co_return poppass::LoginJudged{told(judged.verdict)};
}

// On a thread that may hash. Errors of the server's own are logged, and told in general words.
Result<directory::AccountName> PoppassConnection::change(const poppass::ChangePassword& effect) const {
    auto& directory = services_.desk.directory;
    const auto minimum = directory.settings()->number("pwd", "minimum_length");
    if (auto good =
            check_new_password(effect.new_password, effect.old_password, static_cast<std::size_t>(minimum));
        !good) {
        return good.error();
    }
    // Somebody else may have changed or removed the account since the login.
    const auto verdict = directory.verify_password(effect.login, effect.old_password);
    const auto account = directory.find_login(effect.login);
    if (verdict != directory::PasswordVerdict::right || !account) {
        return fail(Fault::refused, "The old password no longer holds: log in again");
    }
    if (auto saved = directory.set_password(account->name, effect.new_password); !saved) {
        services_.log.line(LogLevel::failures, Service::pwd, id_, "pwd.not_saved",
                           "the new password of {}: {}", account->name.text(), saved.error().text);
        return fail(saved.error().fault, "The password can't be changed now, try again later");
    }
    return account->name;
}

Outcome PoppassConnection::perform(poppass::ChangePassword& effect) {
    stream_->expect_within(services_.limits.last_words);
    auto work = [this, &effect] { return change(effect); };
    const auto changed = co_await net::run_on(services_.desk.hashing, work);
    if (!changed) {
        services_.log.line(LogLevel::problems, Service::pwd, id_, "pwd.refused",
                           "the new password of {} from {} was refused: {}", printable(effect.login, 128),
                           peer_, changed.error().text);
        co_return poppass::PasswordRefused{changed.error().text};
    }
    services_.log.line(LogLevel::major, Service::pwd, id_, "pwd.changed", "{} changed the password from {}",
                       changed->text(), peer_);
    co_return poppass::PasswordChanged{};
}

Outcome PoppassConnection::perform(poppass::CloseConnection&) {
    co_await stream_->flush();
    co_return std::nullopt;
}

}  // namespace

asio::awaitable<void> serve_poppass(std::unique_ptr<net::Stream> stream, const PoppassServices& services) {
    PoppassConnection connection(std::move(stream), services);
    co_await connection.run();
}

asio::awaitable<void> serve_poppass_tls(std::unique_ptr<net::Stream> stream,
                                        const PoppassServices& services) {
    const bool begun = co_await begin_with_tls(*stream, services.tls(), Service::pwd, services.log);
    if (!begun) co_return;
    co_await serve_poppass(std::move(stream), services);
}

}  // namespace sims::serve
