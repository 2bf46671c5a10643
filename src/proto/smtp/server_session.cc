#include "proto/smtp/server_session.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "proto/common/conversation.h"

namespace sims::smtp {
namespace {

static_assert(proto::Conversation<ServerSession>);

using Step = ServerSession::Step;
using Effect = ServerSession::Effect;

Step say(int code, std::string text, Effect next = ServerSession::ReadLine{}) {
    return {Reply{code, std::move(text)}, std::move(next)};
}

Step ask(Effect next) { return {std::nullopt, std::move(next)}; }

// What a submission server hears before TLS.
template <class T>
constexpr bool is_for_strangers(const T&) {
    return std::is_same_v<T, Hello> || std::is_same_v<T, StartTls> || std::is_same_v<T, Noop> ||
           std::is_same_v<T, Reset> || std::is_same_v<T, Help> || std::is_same_v<T, Quit>;
}

}  // namespace

ServerSession::ServerSession(ServerOptions options)
    : options_(std::move(options)), tls_offer_(options_.tls), channel_(options_.channel) {}

Step ServerSession::greet() { return say(220, options_.hostname + " ESMTP"); }

Step ServerSession::on(Input input) {
    check(!std::holds_alternative<Closed>(state_), "input after the end of an SMTP session");
    return std::visit([this](auto& what) { return on_input(what); }, input);
}

bool ServerSession::holds_message() const {
    return std::holds_alternative<Receiving>(state_) || std::holds_alternative<Chunking>(state_) ||
           std::holds_alternative<ReceivingChunk>(state_);
}

void ServerSession::end_transaction() {
    if (introduction_) {
        state_ = Ready{};
    } else {
        state_ = Fresh{};
    }
}

// ---- lines

Step ServerSession::on_input(const LineArrived& input) {
    if (std::holds_alternative<Authenticating>(state_)) return on_response(input.line);
    auto parsed = parse_command(input.line);
    if (auto* error = std::get_if<ParseError>(&parsed)) return bad_command(std::move(*error));
    auto& command = std::get<Command>(parsed);
    if (wants_tls_first() && !std::visit([](const auto& said) { return is_for_strangers(said); }, command))
        return say(530, "5.7.0 Must issue a STARTTLS command first");
    return std::visit([this](auto& said) { return on_command(said); }, command);
}

Step ServerSession::on_input(LineTooLong) {
    if (std::holds_alternative<Authenticating>(state_))
        return end_login(500, "5.5.6 The line is too long for a login");
    return bad_command({Reply{500, "5.5.2 The line is too long"}});
}

Step ServerSession::on_input(BareLineFeed) {
    if (std::holds_alternative<Authenticating>(state_)) end_transaction();
    return bad_command({Reply{500, "5.5.2 The line has a bare line feed; lines end with CR LF"}});
}

Step ServerSession::bad_command(ParseError error) {
    ++bad_commands_;
    const bool too_many = bad_commands_ >= options_.limits.bad_commands_max;
    if (!too_many && error.after == AfterError::go_on) return {std::move(error.reply), ReadLine{}};
    state_ = Closed{};
    if (too_many) return say(421, "4.7.0 " + options_.hostname + " Too many errors", CloseConnection{});
    return {std::move(error.reply), CloseConnection{}};
}

// ---- commands

// RFC 5321 4.1.4: a new HELO or EHLO clears everything, as RSET does.
Step ServerSession::on_command(Hello& command) {
    introduction_ = Introduction{std::move(command.name), command.extended};
    state_ = Ready{};
    return say(250, command.extended ? capabilities() : options_.hostname);
}

std::string ServerSession::capabilities() const {
    std::string mechanisms;
    if (options_.secrets && account_.empty() && !wants_tls_first()) {
        mechanisms = "\nAUTH";
        for (const auto mechanism : sasl::mechanisms_for(channel_))
            mechanisms.append(" ").append(sasl::name_of(mechanism));
    }
    return fmt::format("{}\nPIPELINING\nSIZE {}\n8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES{}{}\nHELP",
                       options_.hostname, options_.limits.message_bytes_max,
                       tls_offer_ == TlsOffer::available ? "\nSTARTTLS" : "", mechanisms);
}

Step ServerSession::on_command(MailFrom& command) {
    if (std::holds_alternative<Fresh>(state_)) return say(503, "5.5.1 Say EHLO first");
    if (!std::holds_alternative<Ready>(state_)) return say(503, "5.5.1 There is a sender already");
    if (options_.role == Role::submission && account_.empty())
        return say(530, "5.7.0 Log in first: mail of your own is taken from users of this server only");
    if (command.size && *command.size > options_.limits.message_bytes_max)
        return {reply_for(ContentDefect::too_large), ReadLine{}};
    JudgeSender effect{command.sender};
    state_ = JudgingSender{{std::move(command.sender), {}, command.body, command.smtputf8}};
    return ask(std::move(effect));
}

Step ServerSession::on_command(RcptTo& command) {
    auto* open = std::get_if<Open>(&state_);
    if (!open) return say(503, "5.5.1 MAIL first");
    if (open->envelope.recipients.size() >= options_.limits.recipients_max)
        return say(452, "4.5.3 Too many recipients");
    if (!open->envelope.smtputf8 && !command.recipient.is_ascii())
        return say(553, "5.6.7 This address needs SMTPUTF8");
    JudgeRecipient effect{open->envelope.sender, command.recipient};
    // Not in one assignment: the envelope is inside the state that is replaced.
    JudgingRecipient judging{std::move(open->envelope), std::move(command.recipient)};
    state_ = std::move(judging);
    return ask(std::move(effect));
}

Step ServerSession::on_command(Data) {
    if (std::holds_alternative<Chunking>(state_)) return say(503, "5.5.1 BDAT and DATA do not mix");
    auto* open = std::get_if<Open>(&state_);
    if (!open) return say(503, "5.5.1 MAIL first");
    if (open->envelope.recipients.empty()) return say(554, "5.5.1 No valid recipients");
    BeginMessage effect{std::move(open->envelope)};
    state_ = Beginning{};
    return ask(std::move(effect));
}

// RFC 3030 2: a refused chunk ends the transaction; the octets that are under way are read all the same.
Step ServerSession::on_command(Bdat command) {
    if (auto* chunking = std::get_if<Chunking>(&state_)) return begin_chunk(chunking->bytes, command);
    auto* open = std::get_if<Open>(&state_);
    if (!open) return refuse_chunk(command, {503, "5.5.1 MAIL first"});
    if (open->envelope.recipients.empty()) return refuse_chunk(command, {554, "5.5.1 No valid recipients"});
    if (command.size > options_.limits.message_bytes_max)
        return refuse_chunk(command, reply_for(ContentDefect::too_large));
    BeginMessage effect{std::move(open->envelope)};
    state_ = Beginning{command};
    return ask(std::move(effect));
}

Step ServerSession::begin_chunk(std::uint64_t bytes, Bdat chunk) {
    if (chunk.size > options_.limits.message_bytes_max - bytes)
        return refuse_chunk(chunk, reply_for(ContentDefect::too_large));
    state_ = ReceivingChunk{bytes, chunk};
    return ask(ReceiveChunk{chunk.size, chunk.last});
}

Step ServerSession::refuse_chunk(Bdat chunk, Reply reply) {
    if (chunk.size > options_.limits.chunk_discard_max) {
        state_ = Closed{};
        return {std::move(reply), CloseConnection{}};
    }
    state_ = Discarding{};
    return {std::move(reply), DiscardChunk{chunk.size}};
}

Step ServerSession::on_command(Reset) {
    end_transaction();
    return say(250, "2.0.0 Ok");
}

Step ServerSession::on_command(Noop) { return say(250, "2.0.0 Ok"); }

// RFC 5321 3.5.3: who may be reached is not told, and this is the way to say so.
Step ServerSession::on_command(Verify) { return say(252, "2.5.2 Send it a message, and see"); }

Step ServerSession::on_command(Help) {
    return say(214, fmt::format("2.0.0 HELO EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT{}{}",
                                tls_offer_ == TlsOffer::available ? " STARTTLS" : "",
                                options_.secrets ? " AUTH" : ""));
}

Step ServerSession::on_command(smtp::StartTls) {
    if (tls_offer_ == TlsOffer::none) {
        if (options_.tls == TlsOffer::available) return say(503, "5.5.1 TLS is running already");
        return on_command(Unavailable{"STARTTLS"});
    }
    state_ = StartingTls{};
    return say(220, "2.0.0 Go ahead", StartTls{});
}

Step ServerSession::on_command(Quit) {
    state_ = Closed{};
    return say(221, "2.0.0 " + options_.hostname + " Goodbye", CloseConnection{});
}

Step ServerSession::on_command(Unavailable command) {
    return bad_command({Reply{502, fmt::format("5.5.1 {} is not available", command.verb)}});
}

// ---- outcomes

Step ServerSession::on_input(Welcome) {
    if (auto* judging = std::get_if<JudgingSender>(&state_)) {
        Open open{std::move(judging->envelope)};
        state_ = std::move(open);
        return say(250, "2.1.0 Ok");
    }
    auto* judging = std::get_if<JudgingRecipient>(&state_);
    check(judging != nullptr, "a welcome nobody asked for");
    judging->envelope.recipients.push_back({std::move(judging->recipient)});
    Open open{std::move(judging->envelope)};
    state_ = std::move(open);
    return say(250, "2.1.5 Ok");
}

// A refused recipient leaves the transaction as it is; everything else that is refused ends it.
Step ServerSession::on_input(Refused& input) {
    check(input.reply.code >= 400 && input.reply.code < 600, "a refusal is 4yz or 5yz");
    if (auto* judging = std::get_if<JudgingRecipient>(&state_)) {
        Open open{std::move(judging->envelope)};
        state_ = std::move(open);
        return {std::move(input.reply), ReadLine{}};
    }
    if (auto* beginning = std::get_if<Beginning>(&state_); beginning && beginning->chunk)
        return refuse_chunk(*beginning->chunk, std::move(input.reply));
    check(std::holds_alternative<JudgingSender>(state_) || std::holds_alternative<Beginning>(state_) ||
              holds_message(),
          "a refusal nobody asked for");
    end_transaction();
    return {std::move(input.reply), ReadLine{}};
}

Step ServerSession::on_input(MessageBegun) {
    auto* beginning = std::get_if<Beginning>(&state_);
    check(beginning != nullptr, "a message nobody began");
    if (beginning->chunk) return begin_chunk(0, *beginning->chunk);
    state_ = Receiving{};
    return say(354, "End data with <CR><LF>.<CR><LF>", ReceiveData{options_.limits.message_bytes_max});
}

Step ServerSession::on_input(ChunkReceived) {
    auto* receiving = std::get_if<ReceivingChunk>(&state_);
    check(receiving != nullptr && !receiving->chunk.last, "the last chunk is no middle one");
    const auto size = receiving->chunk.size;
    state_ = Chunking{receiving->bytes + size};
    return say(250, fmt::format("2.0.0 {} octets received", size));
}

Step ServerSession::on_input(ChunkDiscarded) {
    check(std::holds_alternative<Discarding>(state_), "no chunk was to be discarded");
    end_transaction();
    return ask(ReadLine{});
}

Step ServerSession::on_input(ContentRefused input) {
    check(holds_message(), "there is no content to refuse");
    end_transaction();
    return {reply_for(input.defect), ReadLine{}};
}

Step ServerSession::on_input(const MessageQueued& input) {
    const auto* chunk = std::get_if<ReceivingChunk>(&state_);
    check(std::holds_alternative<Receiving>(state_) || (chunk && chunk->chunk.last),
          "no message was complete");
    end_transaction();
    return say(250, "2.0.0 Ok: queued as " + input.id);
}

// RFC 3207 4.2: everything learnt before the handshake is forgotten.
Step ServerSession::on_input(TlsStarted& input) {
    check(std::holds_alternative<StartingTls>(state_), "nobody asked for TLS");
    tls_offer_ = TlsOffer::none;
    channel_.is_encrypted = true;
    channel_.tls_exporter = std::move(input.exporter);
    introduction_.reset();
    account_.clear();
    state_ = Fresh{};
    return ask(ReadLine{});
}

}  // namespace sims::smtp
