// AUTH (RFC 4954): the part of the session that deals with who is speaking.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "proto/smtp/server_session.h"

namespace sims::smtp {
namespace {

using Step = ServerSession::Step;
using Effect = ServerSession::Effect;

Step say(int code, std::string text, Effect next = ServerSession::ReadLine{}) {
    return {Reply{code, std::move(text)}, std::move(next)};
}

bool is_offered(sasl::Mechanism mechanism, const sasl::Channel& channel) {
    const auto offered = sasl::mechanisms_for(channel);
    return std::find(offered.begin(), offered.end(), mechanism) != offered.end();
}

bool would_be_offered_encrypted(sasl::Mechanism mechanism, sasl::Channel channel) {
    channel.is_encrypted = true;
    return is_offered(mechanism, channel);
}

}  // namespace

bool ServerSession::wants_tls_first() const {
    return options_.role == Role::submission && !channel_.is_encrypted;
}

Step ServerSession::on_command(Auth command) {
    if (!options_.secrets) return on_command(Unavailable{"AUTH"});
    if (std::holds_alternative<Fresh>(state_)) return say(503, "5.5.1 Say EHLO first");
    if (!account_.empty()) return say(503, "5.5.1 You are logged in already");
    if (!std::holds_alternative<Ready>(state_)) return say(503, "5.5.1 Not in the middle of a message");
    const auto mechanism = sasl::parse_mechanism(command.mechanism);
    if (!mechanism || !is_offered(*mechanism, channel_)) {
        if (mechanism && !channel_.is_encrypted && would_be_offered_encrypted(*mechanism, channel_))
            return say(538, "5.7.11 This mechanism needs an encrypted connection");
        return say(504, "5.5.4 This mechanism is not available");
    }
    std::optional<std::string> initial;
    if (command.initial) {
        initial = *command.initial == "=" ? std::string() : sasl::decode_base64(*command.initial);
        if (!initial) return end_login(501, "5.5.2 The response is not in base64");
    }
    auto& state = state_.emplace<Authenticating>(
        Authenticating{sasl::Exchange(*mechanism, channel_, *options_.secrets, options_.hostname)});
    return continue_login(
        state.exchange.begin(initial ? std::optional<std::string_view>(*initial) : std::nullopt));
}

Step ServerSession::on_response(std::string_view line) {
    if (line == "*") return end_login(501, "5.7.0 The login was cancelled");
    const auto response = sasl::decode_base64(line);
    if (!response) return end_login(501, "5.5.2 The response is not in base64");
    return continue_login(std::get<Authenticating>(state_).exchange.on(*response));
}

// Every login is admitted, or refused, by the driver: it knows the accounts, and takes its time over a wrong
// one.
Step ServerSession::continue_login(sasl::Step step) {
    if (const auto* challenge = std::get_if<sasl::Challenge>(&step))
        return say(334, sasl::encode_base64(challenge->bytes), ReadResponse{});
    if (const auto* failure = std::get_if<sasl::Failure>(&step);
        failure && failure->why == sasl::Failed::malformed) {
        return end_login(501, "5.5.2 That is not how this mechanism goes");
    }
    state_ = JudgingLogin{};
    if (auto* question = std::get_if<sasl::CheckPassword>(&step))
        return {std::nullopt, CheckPassword{std::move(question->login), std::move(question->password)}};
    if (auto* success = std::get_if<sasl::Success>(&step))
        return {std::nullopt, AdmitLogin{std::move(success->login)}};
    auto* failure = std::get_if<sasl::Failure>(&step);
    check(failure != nullptr, "a token nobody offered to take");
    return {std::nullopt, RejectLogin{std::move(failure->login)}};
}

// An exchange that came to nothing; counted like a bad command, so that it can't go on for ever.
Step ServerSession::end_login(int code, std::string text) {
    end_transaction();
    return bad_command({Reply{code, std::move(text)}});
}

Step ServerSession::on_input(LoginJudged& input) {
    check(std::holds_alternative<JudgingLogin>(state_), "nobody was logging in");
    end_transaction();
    switch (input.verdict) {
        case LoginVerdict::right:
            check(!input.account.empty(), "a login without an account");
            account_ = std::move(input.account);
            return say(235, "2.7.0 Welcome");
        case LoginVerdict::unavailable: return say(454, "4.7.0 Nobody can log in now; try again later");
        case LoginVerdict::wrong: break;
    }
    if (++failed_logins_ < options_.limits.failed_logins_max) return say(535, "5.7.8 Wrong name or password");
    state_ = Closed{};
    return say(421, "4.7.0 " + options_.hostname + " Too many failed logins", CloseConnection{});
}

}  // namespace sims::smtp
