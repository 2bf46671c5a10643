#include "proto/pop3/session.h"

#include <iterator>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/common/conversation.h"

namespace sims::pop3 {

static_assert(proto::Conversation<Session>);

namespace {

Step say(std::string_view reply) { return {std::string(reply), ReadLine{}}; }

template <class... Args>
std::string line(fmt::format_string<Args...> format, Args&&... args) {
    std::string text;
    fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
    text += "\r\n";
    return text;
}

template <class Drop>
bool is_marked(const Drop& drop, std::size_t message) {
    return !drop.marks.empty() && drop.marks[message];
}

template <class Drop>
std::size_t count_left(const Drop& drop) {
    return drop.listing->count() - drop.marked;
}

template <class Drop>
std::uint64_t size_left(const Drop& drop) {
    return drop.listing->total_size() - drop.marked_size;
}

// The message of that number; or why there is none, as a reply.
struct Found {
    std::size_t message = 0;
    std::string refusal;
};
template <class Drop>
Found find_message(const Drop& drop, std::uint64_t number) {
    if (number == 0 || number > drop.listing->count()) {
        return {0, line("-ERR No such message, there are {}", drop.listing->count())};
    }
    const auto message = static_cast<std::size_t>(number - 1);
    if (is_marked(drop, message)) return {0, line("-ERR Message {} is deleted", number)};
    return {message, {}};
}

}  // namespace

Step Session::greet() const { return {line("+OK {} POP3 ready", config_.host), ReadLine{}}; }

Step Session::on(const Input& input) {
    check(!std::holds_alternative<Closed>(state_), "a POP3 session goes on after its end");
    return std::visit([this](const auto& what) { return on_input(what); }, input);
}

Step Session::close_with(std::string_view reply) {
    state_ = Closed{};
    return {std::string(reply), CloseConnection{}};
}

Step Session::bad_command(std::string_view reply) {
    if (++bad_commands_ >= config_.limits.bad_commands_max)
        return close_with("-ERR Too many bad commands\r\n");
    return say(reply);
}

Step Session::out_of_order() {
    if (std::holds_alternative<Transaction>(state_)) return bad_command("-ERR You are logged in already\r\n");
    return bad_command("-ERR Log in first\r\n");
}

Step Session::on_input(const LineArrived& input) {
    const bool listens =
        std::holds_alternative<Authorization>(state_) || std::holds_alternative<Transaction>(state_);
    check(listens, "a POP3 line arrived out of turn");
    return std::visit([this](const auto& command) { return on_command(command); }, parse_command(input.line));
}

Step Session::on_input(const LineTooLong&) { return bad_command("-ERR Line too long\r\n"); }

// ---- whatever the state

Step Session::on_command(const UnknownCommand&) { return bad_command("-ERR Unknown command\r\n"); }

Step Session::on_command(const BadArguments& command) {
    return bad_command(line("-ERR Syntax: {}", command.usage));
}

// RFC 2449 5: the same list before and after the login, less what is over.
Step Session::on_command(const Capa&) {
    std::string reply =
        "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nUSER\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n"
        "EXPIRE NEVER\r\n";
    if (config_.tls == Tls::offered && std::holds_alternative<Authorization>(state_)) reply += "STLS\r\n";
    reply += ".\r\n";
    return {std::move(reply), ReadLine{}};
}

Step Session::on_command(const Quit&) {
    const auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr || drop->marked == 0) return close_with("+OK Bye\r\n");
    CommitDeletes effect;
    effect.messages.reserve(drop->marked);
    for (std::size_t i = 0; i < drop->marks.size(); ++i) {
        if (drop->marks[i]) effect.messages.push_back(i);
    }
    state_ = Update{};
    return {{}, std::move(effect)};
}

Step Session::on_input(const DeletesCommitted&) {
    check(std::holds_alternative<Update>(state_), "deletes committed that nobody asked for");
    return close_with("+OK Bye\r\n");
}

Step Session::on_input(const DeletesFailed&) {
    check(std::holds_alternative<Update>(state_), "deletes failed that nobody asked for");
    return close_with("-ERR [SYS/TEMP] The deleted messages could not be removed\r\n");
}

// ---- before the login

// RFC 1939 7 allows -ERR for unknown names; that would tell a stranger which accounts there are.
Step Session::on_command(const User& command) {
    auto* authorization = std::get_if<Authorization>(&state_);
    if (authorization == nullptr) return out_of_order();
    authorization->user = command.name;
    return say("+OK Send the password\r\n");
}

Step Session::on_command(const Pass& command) {
    auto* authorization = std::get_if<Authorization>(&state_);
    if (authorization == nullptr) return out_of_order();
    if (authorization->user.empty()) return bad_command("-ERR USER first\r\n");
    CheckPassword effect{std::move(authorization->user), std::string(command.password)};
    state_ = Judging{};
    return {{}, std::move(effect)};
}

Step Session::login_failed() {
    if (++failed_logins_ >= config_.limits.failed_logins_max) {
        return close_with("-ERR [AUTH] Wrong user name or password; too many failed logins\r\n");
    }
    return say("-ERR [AUTH] Wrong user name or password\r\n");
}

Step Session::on_input(const LoginJudged& input) {
    check(std::holds_alternative<Judging>(state_), "a POP3 login was judged that nobody asked for");
    state_ = Authorization{};
    switch (input.verdict) {
        case LoginVerdict::right: state_ = Opening{}; return {{}, OpenMaildrop{}};
        case LoginVerdict::wrong: return login_failed();
        case LoginVerdict::login_disabled:
            return close_with("-ERR [SYS/PERM] This account may not log in\r\n");
        case LoginVerdict::apop_required:
            return close_with("-ERR [AUTH] This account takes APOP logins only\r\n");
        case LoginVerdict::unavailable:
            return close_with("-ERR [SYS/TEMP] Cannot log in now, try again later\r\n");
    }
    return login_failed();
}

Step Session::on_input(const MaildropOpened& input) {
    check(std::holds_alternative<Opening>(state_), "a maildrop was opened that nobody asked for");
    check(input.listing != nullptr, "a maildrop without a listing");
    state_ = Transaction{input.listing, {}, 0, 0, {}, {}};
    return {line("+OK Logged in, {} messages", input.listing->count()), ReadLine{}};
}

// RFC 2449 8.1.1: the client learns that the password was right and that waiting helps.
Step Session::on_input(const MaildropBusy&) {
    check(std::holds_alternative<Opening>(state_), "a maildrop is busy that nobody asked for");
    return close_with("-ERR [IN-USE] Another session holds this mailbox\r\n");
}

Step Session::on_input(const MaildropUnavailable&) {
    check(std::holds_alternative<Opening>(state_), "a maildrop is unavailable that nobody asked for");
    return close_with("-ERR [SYS/TEMP] The mailbox cannot be read now\r\n");
}

// RFC 2595 4: in the authorization state only, and once.
Step Session::on_command(const Stls&) {
    if (!std::holds_alternative<Authorization>(state_)) return out_of_order();
    switch (config_.tls) {
        case Tls::unavailable: return bad_command("-ERR TLS is not available\r\n");
        case Tls::active: return bad_command("-ERR TLS is active already\r\n");
        case Tls::offered: break;
    }
    return {"+OK Begin TLS\r\n", StartTls{}};
}

// What was said in clear is forgotten (RFC 2595 4).
Step Session::on_input(const TlsStarted&) {
    check(std::holds_alternative<Authorization>(state_), "TLS started that nobody asked for");
    config_.tls = Tls::active;
    state_ = Authorization{};
    return {{}, ReadLine{}};
}

// ---- with a maildrop

Step Session::on_command(const Stat&) {
    const auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    return {line("+OK {} {}", count_left(*drop), size_left(*drop)), ReadLine{}};
}

Step Session::on_command(const Noop&) {
    if (!std::holds_alternative<Transaction>(state_)) return out_of_order();
    return say("+OK\r\n");
}

Step Session::on_command(const Rset&) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    drop->marks.clear();
    drop->marked = 0;
    drop->marked_size = 0;
    return {line("+OK {} messages ({} octets)", count_left(*drop), size_left(*drop)), ReadLine{}};
}

Step Session::on_command(const Dele& command) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    auto found = find_message(*drop, command.number);
    if (!found.refusal.empty()) return {std::move(found.refusal), ReadLine{}};
    if (drop->marks.empty()) drop->marks.resize(drop->listing->count());
    drop->marks[found.message] = true;
    ++drop->marked;
    drop->marked_size += drop->listing->size(found.message);
    return {line("+OK Message {} deleted", command.number), ReadLine{}};
}

Step Session::on_command(const List& command) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    return command.number ? list_one(*drop, Listed::sizes, *command.number)
                          : begin_listing(*drop, Listed::sizes);
}

Step Session::on_command(const Uidl& command) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    return command.number ? list_one(*drop, Listed::uids, *command.number)
                          : begin_listing(*drop, Listed::uids);
}

Step Session::list_one(const Transaction& drop, Listed what, std::uint64_t number) {
    auto found = find_message(drop, number);
    if (!found.refusal.empty()) return {std::move(found.refusal), ReadLine{}};
    if (what == Listed::sizes)
        return {line("+OK {} {}", number, drop.listing->size(found.message)), ReadLine{}};
    std::string reply = fmt::format("+OK {} ", number);
    drop.listing->append_uid(found.message, reply);
    reply += "\r\n";
    return {std::move(reply), ReadLine{}};
}

Step Session::begin_listing(Transaction& drop, Listed what) {
    drop.cursor = Cursor{what, 0};
    if (what == Listed::uids) return go_on_listing(drop, "+OK Unique ids follow\r\n");
    return go_on_listing(drop, line("+OK {} messages ({} octets)", count_left(drop), size_left(drop)));
}

Step Session::go_on_listing(Transaction& drop, std::string reply) {
    constexpr std::size_t line_guess = 32;
    auto& [what, next] = *drop.cursor;
    const auto count = drop.listing->count();
    const auto end = next + std::min(config_.limits.listing_chunk_lines, count - next);
    reply.reserve(reply.size() + (end - next) * line_guess);
    for (; next < end; ++next) {
        if (is_marked(drop, next)) continue;
        const fmt::format_int number(next + 1);
        reply.append(number.data(), number.size());
        reply += ' ';
        if (what == Listed::uids) {
            drop.listing->append_uid(next, reply);
        } else {
            const fmt::format_int size(drop.listing->size(next));
            reply.append(size.data(), size.size());
        }
        reply += "\r\n";
    }
    if (next < count) return {std::move(reply), SendListing{}};
    drop.cursor.reset();
    reply += ".\r\n";
    return {std::move(reply), ReadLine{}};
}

Step Session::on_input(const ListingSent&) {
    auto* drop = std::get_if<Transaction>(&state_);
    check(drop != nullptr && drop->cursor, "a POP3 listing was sent that nobody asked for");
    return go_on_listing(*drop, {});
}

Step Session::on_command(const Retr& command) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    return send_message(*drop, command.number, std::nullopt);
}

Step Session::on_command(const Top& command) {
    auto* drop = std::get_if<Transaction>(&state_);
    if (drop == nullptr) return out_of_order();
    return send_message(*drop, command.number, command.lines);
}

Step Session::send_message(Transaction& drop, std::uint64_t number, std::optional<std::uint64_t> body_lines) {
    auto found = find_message(drop, number);
    if (!found.refusal.empty()) return {std::move(found.refusal), ReadLine{}};
    SendMessage effect;
    effect.message = found.message;
    effect.body_lines = body_lines;
    effect.reply = body_lines ? "+OK Top of message follows\r\n"
                              : line("+OK {} octets", drop.listing->size(found.message));
    drop.sending = found.message;
    return {{}, std::move(effect)};
}

Step Session::on_input(const MessageSent&) {
    auto* drop = std::get_if<Transaction>(&state_);
    check(drop != nullptr && drop->sending, "a POP3 message was sent that nobody asked for");
    drop->sending.reset();
    return {{}, ReadLine{}};
}

Step Session::on_input(const MessageUnreadable&) {
    auto* drop = std::get_if<Transaction>(&state_);
    check(drop != nullptr && drop->sending, "a POP3 message was not sent that nobody asked for");
    drop->sending.reset();
    return say("-ERR [SYS/TEMP] The message cannot be read now\r\n");
}

}  // namespace sims::pop3
