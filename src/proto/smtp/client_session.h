// The conversation of a sending SMTP client (RFC 5321), as a value: replies in, lines and one effect out.
// Several transactions, one after another, over one connection. Knows no socket, clock, DNS or queue.
//
// The driver's loop:
//     auto step = session.greet();
//     for (;;) { send step.send; perform step.next; step = session.on(what came of it); }
// ReadReply gives ReplyArrived or ConnectionLost; StartTls gives TlsStarted or TlsFailed; SendContent gives
// ContentSent or ConnectionLost; Report gives NextTransaction or Leave while its connection is `ready`.
// Nothing follows Close, nor a Report whose connection is `over`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mail/envelope.h"
#include "proto/common/reply.h"
#include "proto/smtp/time_limits.h"

namespace sims::smtp {

using proto::Reply;

// One message to some recipients. Its content stays with the driver.
struct Transaction {
    mail::ReversePath sender;
    std::vector<mail::Address> recipients;  // at least one
    mail::BodyType body = mail::BodyType::seven_bit;
    bool smtputf8 = false;   // as it was asked for when the message came in
    std::uint64_t size = 0;  // of the content, exactly, CRLF line ends
};

enum class Outcome { delivered, deferred, failed };
struct RecipientOutcome {
    Outcome outcome = Outcome::deferred;
    std::string words;  // the peer's, on one line: "550 5.1.1 No such user"; or ours, in the same form
};

// STARTTLS. Opportunistic (RFC 7435): taken when offered; when the peer refuses it (454) the session goes on
// in the clear; when the handshake fails the connection is of no use, and the Report says Stage::tls: connect
// again with `never`, for mail in the clear is better than none where nobody promised TLS.
enum class ClientTls { never, opportunistic };

struct ClientOptions {
    std::string hostname;  // for EHLO
    ClientTls tls = ClientTls::opportunistic;
};

// How the octets of the content go out.
enum class Framing {
    dots,   // through a DotStuffer, with its finish()
    exact,  // as they are, Transaction::size octets (BDAT)
};

class ClientSession {
public:
    // What happened.
    struct ReplyArrived {
        Reply reply;
    };
    struct ContentSent {};
    struct TlsStarted {};
    struct TlsFailed {
        std::string reason;
    };
    // The peer is gone, silent beyond the time limit, or talks gibberish.
    struct ConnectionLost {
        std::string reason;  // a sentence for the administrator: "the connection was closed by the peer"
    };
    struct NextTransaction {
        Transaction transaction;
    };
    struct Leave {};  // no more messages
    using Input = std::variant<ReplyArrived, ContentSent, TlsStarted, TlsFailed, ConnectionLost,
                               NextTransaction, Leave>;

    // What to do next: exactly one thing, after sending Step::send.
    struct ReadReply {
        Phase phase;  // time_limit(phase) is how long it may take
    };
    struct StartTls {};
    struct SendContent {
        Framing framing;
    };
    // How far the conversation came before it was decided.
    enum class Stage {
        tls,          // the handshake failed: connect again with ClientTls::never
        session,      // the peer would not talk to us at all: another host of the domain may
        transaction,  // the peer judged this very message, or went away while it did
    };
    enum class Connection { ready, over };
    // The transaction is over.
    struct Report {
        std::vector<RecipientOutcome> outcomes;  // one for each of Transaction::recipients
        Stage stage;
        Connection connection;
    };
    struct Close {};
    using Effect = std::variant<ReadReply, StartTls, SendContent, Report, Close>;

    struct Step {
        std::string send;  // whole lines, or nothing
        Effect next;
    };

    ClientSession(ClientOptions options, Transaction first);

    Step greet();  // once, when connected
    Step on(Input input);

private:
    enum class Extended { ehlo, helo };
    enum class Leftover { none, envelope };  // what RSET must clear before the next MAIL
    struct Offers {                          // of the peer's EHLO
        bool pipelining = false;
        bool eight_bit = false;
        bool smtputf8 = false;
        bool chunking = false;
        bool binary = false;
        bool starttls = false;
        std::optional<std::uint64_t> size;  // SIZE; 0: no fixed limit
    };

    // The transaction lives inside the state: to leave the state is to end it whole.
    struct Greeting {
        Transaction transaction;
    };
    struct Hello {
        Transaction transaction;
        Extended extended;
    };
    struct AskingTls {
        Transaction transaction;
    };
    struct Handshaking {
        Transaction transaction;
    };
    // Between MAIL and the final reply. Outcomes fill up; who has none was accepted so far.
    struct Exchange {
        Transaction transaction;
        std::vector<std::optional<RecipientOutcome>> outcomes;
        Phase waiting_for = Phase::mail;
        std::size_t recipient = 0;  // the next to be answered
        std::size_t accepted = 0;
    };
    struct Idle {
        Leftover leftover;
    };
    struct Leaving {};
    struct Over {};
    using State = std::variant<Greeting, Hello, AskingTls, Handshaking, Exchange, Idle, Leaving, Over>;

    Step on_input(const ReplyArrived& input);
    Step on_input(ContentSent);
    Step on_input(TlsStarted);
    Step on_input(const TlsFailed& input);
    Step on_input(const ConnectionLost& input);
    Step on_input(NextTransaction& input);
    Step on_input(Leave);

    Step on_reply(Greeting& state, const Reply& reply);
    Step on_reply(Hello& state, const Reply& reply);
    Step on_reply(AskingTls& state, const Reply& reply);
    Step on_reply(Exchange& state, const Reply& reply);
    Step on_mail(Exchange& state, const Reply& reply);
    Step on_recipient(Exchange& state, const Reply& reply);
    Step on_data(Exchange& state, const Reply& reply);
    Step on_content_end(Exchange& state, const Reply& reply);

    Step say_hello(Transaction transaction, Extended extended);
    void read_offers(const Reply& reply);
    std::optional<RecipientOutcome> obstacle(const Transaction& transaction) const;
    std::string mail_line(const Transaction& transaction) const;
    Step begin(Transaction transaction, Leftover leftover);
    static void settle(Exchange& state, const RecipientOutcome& verdict);
    Step report(Exchange& state, Leftover leftover);
    Step give_up(RecipientOutcome verdict, std::string send);

    ClientOptions options_;
    Offers offers_;
    bool tls_ = false;
    State state_;
};

}  // namespace sims::smtp
