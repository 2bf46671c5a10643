// The conversation of a receiving SMTP server (RFC 5321), as a value: lines and outcomes in, a reply and
// exactly one effect out. Knows no socket, clock, directory or spool. Policy is asked for by effects.
//
// The driver's loop:
//     auto step = session.greet();
//     for (;;) { if (step.reply) buffer it; perform step.next; step = session.on(what came of it); }
// Replies may wait in the driver's buffer while another whole line is there already (PIPELINING, RFC 2920),
// but must go out before it waits for input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mail/envelope.h"
#include "proto/common/reply.h"
#include "proto/sasl/exchange.h"
#include "proto/smtp/body_decoder.h"
#include "proto/smtp/command.h"

namespace sims::smtp {

struct ServerLimits {
    std::uint64_t message_bytes_max = 50ULL << 20;
    std::size_t recipients_max = 1000;  // RFC 5321 4.5.3.1.8 asks for 100
    std::size_t bad_commands_max = 20;  // of one connection; then it is closed
    std::size_t failed_logins_max = 3;  // of one connection; then it is closed
    std::uint64_t chunk_discard_max = 256ULL
                                      << 20;  // a refused BDAT chunk is read and dropped up to this size
};

enum class TlsOffer { none, available };
// relay: from server to server (port 25). submission: mail enters here (RFC 6409); before TLS and a login
// there is nothing to be had.
enum class Role { relay, submission };

struct ServerOptions {
    std::string hostname;  // greeting and EHLO
    ServerLimits limits;
    TlsOffer tls = TlsOffer::none;
    Role role = Role::relay;
    sasl::Channel channel{};                 // as the connection is when it begins
    const sasl::Secrets* secrets = nullptr;  // outlives the session; none: no AUTH
};

// Who speaks, as far as it said (for mail::Peer).
struct Introduction {
    std::string name;
    bool extended = false;
};

class ServerSession {
public:
    // What happened.
    struct LineArrived {
        std::string_view line;  // without CRLF; borrowed until on() returns
    };
    struct LineTooLong {};
    struct BareLineFeed {};  // a line that ended with LF alone
    struct Welcome {};       // the sender, or the recipient
    struct Refused {         // the sender, the recipient or the message
        Reply reply;
    };
    struct MessageBegun {};   // there is a place for its content
    struct ChunkReceived {};  // and it was not the last
    struct ChunkDiscarded {};
    // The content came to its end (of a chunk: all octets were read), and can't be taken as it is.
    struct ContentRefused {
        ContentDefect defect;
    };
    struct MessageQueued {
        std::string id;
    };
    // When the handshake fails, the driver closes and says nothing.
    struct TlsStarted {
        std::string exporter{};  // sasl::Channel::tls_exporter
    };
    enum class LoginVerdict { right, wrong, unavailable };
    struct LoginJudged {
        LoginVerdict verdict;
        std::string account{};  // when right: its name, as peer and log shall know it
    };
    using Input =
        std::variant<LineArrived, LineTooLong, BareLineFeed, Welcome, Refused, MessageBegun, ChunkReceived,
                     ChunkDiscarded, ContentRefused, MessageQueued, TlsStarted, LoginJudged>;

    // What to do next: exactly one thing. Behind each: the inputs that may come of it.
    struct ReadLine {};   // LineArrived, LineTooLong, BareLineFeed
    struct JudgeSender {  // Welcome, Refused
        mail::ReversePath sender;
    };
    struct JudgeRecipient {  // Welcome, Refused
        mail::ReversePath sender;
        mail::Address recipient;
    };
    struct BeginMessage {  // MessageBegun, Refused
        mail::Envelope envelope;
    };
    // DATA, through a BodyDecoder. Every input comes after the true end: MessageQueued, Refused,
    // ContentRefused.
    struct ReceiveData {
        std::uint64_t bytes_max;
    };
    // BDAT: `size` octets, through the message's ChunkScanner. ChunkReceived, or after the last one
    // MessageQueued; Refused and ContentRefused come when all octets were read, and end the message.
    struct ReceiveChunk {
        std::uint64_t size;
        bool last;
    };
    struct DiscardChunk {  // ChunkDiscarded
        std::uint64_t size;
    };
    struct StartTls {};  // TlsStarted; the reply goes out before the handshake
    // A line of an exchange: as ReadLine, but up to sasl::ExchangeLimits::response_max, and never logged.
    struct ReadResponse {};  // LineArrived, LineTooLong, BareLineFeed
    struct CheckPassword {   // LoginJudged
        std::string login;
        std::string password;
    };
    struct AdmitLogin {  // LoginJudged: the mechanism has proved who it is
        std::string login;
    };
    struct RejectLogin {  // LoginJudged, with `wrong`: the mechanism has seen through it
        std::string login;
    };
    struct CloseConnection {};
    using Effect = std::variant<ReadLine, JudgeSender, JudgeRecipient, BeginMessage, ReceiveData,
                                ReceiveChunk, DiscardChunk, StartTls, ReadResponse, CheckPassword, AdmitLogin,
                                RejectLogin, CloseConnection>;

    // No reply means: it depends on how the effect turns out.
    struct Step {
        std::optional<Reply> reply;
        Effect next;
    };

    explicit ServerSession(ServerOptions options);

    Step greet();  // once
    Step on(Input input);

    // As it introduced itself last; nothing before that, and again after STARTTLS.
    const std::optional<Introduction>& introduction() const { return introduction_; }
    // Logged in as; empty when not. Forgotten by STARTTLS.
    const std::string& account() const { return account_; }
    // Whether what BeginMessage began is still wanted: when not, the driver drops it.
    bool holds_message() const;

private:
    // The transaction lives inside the state: to leave the state is to end it whole.
    struct Fresh {};  // before HELO
    struct Ready {};
    struct JudgingSender {
        mail::Envelope envelope;
    };
    struct Open {
        mail::Envelope envelope;
    };
    struct JudgingRecipient {
        mail::Envelope envelope;
        mail::Address recipient;
    };
    struct Beginning {
        std::optional<Bdat> chunk;  // none: DATA
    };
    struct Receiving {};
    struct Chunking {  // between chunks
        std::uint64_t bytes = 0;
    };
    struct ReceivingChunk {
        std::uint64_t bytes;  // before this one
        Bdat chunk;
    };
    struct Discarding {};
    struct StartingTls {};
    struct Authenticating {
        sasl::Exchange exchange;
    };
    struct JudgingLogin {};
    struct Closed {};
    using State =
        std::variant<Fresh, Ready, JudgingSender, Open, JudgingRecipient, Beginning, Receiving, Chunking,
                     ReceivingChunk, Discarding, StartingTls, Authenticating, JudgingLogin, Closed>;

    Step on_input(const LineArrived& input);
    Step on_input(LineTooLong);
    Step on_input(BareLineFeed);
    Step on_input(Welcome);
    Step on_input(Refused& input);
    Step on_input(MessageBegun);
    Step on_input(ChunkReceived);
    Step on_input(ChunkDiscarded);
    Step on_input(ContentRefused input);
    Step on_input(const MessageQueued& input);
    Step on_input(TlsStarted& input);
    Step on_input(LoginJudged& input);

    Step on_command(Hello& command);
    Step on_command(MailFrom& command);
    Step on_command(RcptTo& command);
    Step on_command(Data);
    Step on_command(Bdat command);
    Step on_command(Reset);
    Step on_command(Noop);
    Step on_command(Verify);
    Step on_command(Help);
    Step on_command(smtp::StartTls);
    Step on_command(Auth command);
    Step on_command(Quit);
    Step on_command(Unavailable command);

    Step bad_command(ParseError error);
    Step refuse_chunk(Bdat chunk, Reply reply);
    Step begin_chunk(std::uint64_t bytes, Bdat chunk);
    // AUTH (authentication.cc).
    Step on_response(std::string_view line);
    Step continue_login(sasl::Step step);
    Step end_login(int code, std::string text);
    bool wants_tls_first() const;
    void end_transaction();
    std::string capabilities() const;

    ServerOptions options_;
    std::optional<Introduction> introduction_;
    TlsOffer tls_offer_;  // none once TLS runs
    sasl::Channel channel_;
    std::string account_;
    std::size_t failed_logins_ = 0;
    std::size_t bad_commands_ = 0;
    State state_ = Fresh{};
};

}  // namespace sims::smtp
