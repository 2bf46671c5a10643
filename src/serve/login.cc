#include "serve/login.h"

#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/background.h"

namespace sims::serve {

namespace {

LoginVerdict verdict_of(directory::PasswordVerdict verdict) {
    switch (verdict) {
        case directory::PasswordVerdict::right: return LoginVerdict::right;
        case directory::PasswordVerdict::wrong:
        case directory::PasswordVerdict::no_such_account: return LoginVerdict::wrong;
        case directory::PasswordVerdict::login_disabled: return LoginVerdict::login_disabled;
        case directory::PasswordVerdict::unavailable: return LoginVerdict::unavailable;
    }
    return LoginVerdict::unavailable;
}

// Asks the throttle where the hashing is done, not before the way there: of a thousand attempts that come at
// once, those that wait for their turn see the failures of those before them.
JudgedLogin judge(const LoginDesk& desk, const LoginAttempt& attempt) {
    const auto guest = guard::guest_of(attempt.peer, attempt.login);
    if (desk.throttle.refuses(guest, desk.clock())) return {LoginVerdict::throttled};
    const auto verdict = verdict_of(desk.directory.verify_password(attempt.login, attempt.password));
    if (verdict != LoginVerdict::wrong) return {verdict};
    return {verdict, desk.throttle.failed(guest, desk.clock())};
}

}  // namespace

std::string_view words_of(LoginVerdict verdict) {
    switch (verdict) {
        case LoginVerdict::right: return "right";
        case LoginVerdict::wrong: return "wrong user name or password";
        case LoginVerdict::login_disabled: return "the account may not log in";
        case LoginVerdict::throttled: return "too many failed logins from there";
        case LoginVerdict::unavailable: return "the password could not be judged";
    }
    return "";
}

asio::awaitable<JudgedLogin> judge_login(const LoginDesk& desk, LoginAttempt attempt) {
    if (desk.directory.remembers(attempt.login, attempt.password)) co_return judge(desk, attempt);
    auto work = [&desk, &attempt] { return judge(desk, attempt); };
    const auto judged = co_await net::run_on(desk.hashing, work);
    co_return judged;
}

asio::awaitable<void> pause_for(std::chrono::seconds time) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    timer.expires_after(time);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace sims::serve
