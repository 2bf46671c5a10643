#include "proto/poppass/session.h"

#include "base/check.h"
#include "base/text.h"
#include "proto/common/conversation.h"

namespace sims::poppass {

static_assert(proto::Conversation<Session>);

namespace {

struct Words {
    std::string_view verb;
    std::string_view argument;  // to the end of the line: passwords may hold blanks
};

Words words_of(std::string_view line) {
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) return {line, {}};
    return {line.substr(0, blank), line.substr(blank + 1)};
}

Step say(std::string_view reply) { return {std::string(reply), ReadLine{}}; }

}  // namespace

Step Session::greet() const { return say("200 " + config_.host + " password server ready\r\n"); }

Step Session::on(const Input& input) {
    check(!std::holds_alternative<Closed>(state_), "a poppassd session goes on after its end");
    return std::visit([this](const auto& what) { return on_input(what); }, input);
}

Step Session::close_with(std::string reply) {
    state_ = Closed{};
    return {std::move(reply), CloseConnection{}};
}

Step Session::bad_command(std::string_view reply) {
    if (++bad_commands_ >= config_.limits.bad_commands_max)
        return close_with("500 Too many bad commands\r\n");
    return say(reply);
}

Step Session::on_input(const LineTooLong&) { return close_with("500 Line too long\r\n"); }

Step Session::on_input(const LineArrived& input) {
    const bool listens =
        !std::holds_alternative<Judging>(state_) && !std::holds_alternative<Changing>(state_);
    check(listens, "a poppassd line arrived out of turn");
    const auto [verb, argument] = words_of(input.line);
    if (equal_ignoring_case(verb, "quit")) return close_with("200 Bye\r\n");
    if (std::holds_alternative<Done>(state_)) return bad_command("500 The password was changed, quit\r\n");
    if (equal_ignoring_case(verb, "user")) return on_user(trim(argument));
    if (equal_ignoring_case(verb, "pass")) return on_pass(argument);
    if (equal_ignoring_case(verb, "newpass")) return on_newpass(argument);
    return bad_command("500 Unknown command: user, pass, newpass, quit\r\n");
}

Step Session::on_user(std::string_view name) {
    if (name.empty()) return bad_command("500 Username required\r\n");
    // The same answer whether or not there is such an account.
    state_ = Named{std::string(name)};
    return say("300 Please send your password now\r\n");
}

Step Session::on_pass(std::string_view password) {
    auto* named = std::get_if<Named>(&state_);
    if (named == nullptr) return bad_command("500 Send user first\r\n");
    CheckPassword effect{named->login, std::string(password)};
    state_ = Judging{effect.login, effect.password};
    return {{}, std::move(effect)};
}

Step Session::on_input(const LoginJudged& input) {
    auto* judging = std::get_if<Judging>(&state_);
    check(judging != nullptr, "a poppassd login was judged that nobody asked for");
    switch (input.verdict) {
        case LoginVerdict::right: {
            Known known{std::move(judging->login), std::move(judging->password)};
            state_ = std::move(known);
            return say("200 Send the new password with newpass\r\n");
        }
        case LoginVerdict::wrong: return close_with("500 Wrong user name or password\r\n");
        case LoginVerdict::unavailable:
            return close_with("500 The password can't be checked now, try again later\r\n");
    }
    return close_with("500 Wrong user name or password\r\n");
}

Step Session::on_newpass(std::string_view password) {
    auto* known = std::get_if<Known>(&state_);
    if (known == nullptr) return bad_command("500 Send user and pass first\r\n");
    if (password.empty()) return bad_command("500 New password required\r\n");
    ChangePassword effect{std::move(known->login), std::move(known->password), std::string(password)};
    state_ = Changing{};
    return {{}, std::move(effect)};
}

Step Session::on_input(const PasswordChanged&) {
    check(std::holds_alternative<Changing>(state_), "a password was changed that nobody asked for");
    state_ = Done{};
    return say("200 The password was changed\r\n");
}

Step Session::on_input(const PasswordRefused& input) {
    check(std::holds_alternative<Changing>(state_), "a password was refused that nobody asked for");
    // One line, whatever the reason held: a client shows it as it is. Then closed: Aurora waits for that.
    return close_with("500 " + printable(input.reason, 400) + "\r\n");
}

}  // namespace sims::poppass
