// One POP3 conversation as a value (RFC 1939; 2449 CAPA, 2595 STLS, 3206 response codes): it is told what
// happened and says what to do next. Holds no message and no list of them: it looks at the maildrop through
// Listing. Marks live in the state: a connection that is lost deletes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/pop3/command.h"

namespace sims::pop3 {

// The opened maildrop as the session sees it. Messages are counted from 0 and never change.
class Listing {
public:
    virtual ~Listing() = default;
    virtual std::size_t count() const = 0;
    virtual std::uint64_t size(
        std::size_t message) const = 0;  // octets RETR sends, without stuffing and final dot
    virtual std::uint64_t total_size() const = 0;
    virtual void append_uid(std::size_t message, std::string& out) const = 0;  // 1 to 70 of 0x21 to 0x7E
};

struct Limits {
    std::size_t line_bytes_max = 1024;      // with line end; RFC 2449 4 asks for 255
    std::size_t failed_logins_max = 3;      // then the connection is closed
    std::size_t bad_commands_max = 20;      // then too: whoever it is does not speak POP3
    std::size_t listing_chunk_lines = 512;  // of LIST and UIDL, generated at a time
};

// Whether STLS can be had, or is had.
enum class Tls { unavailable, offered, active };

struct Config {
    std::string host;  // for the greeting
    Tls tls = Tls::unavailable;
    Limits limits;
};

enum class LoginVerdict {
    right,
    wrong,           // also for accounts that are not there
    login_disabled,  // the password was right
    apop_required,   // the password was right, but must not be sent this way
    unavailable,     // it could not be judged
};

// What happened.
struct LineArrived {
    std::string_view line;  // without line end; borrowed until on() returns
};
struct LineTooLong {};
struct LoginJudged {
    LoginVerdict verdict;
};
struct MaildropOpened {
    const Listing* listing;  // borrowed until CommitDeletes or CloseConnection
};
struct MaildropBusy {};         // another session holds it
struct MaildropUnavailable {};  // it cannot be read now
struct ListingSent {};
struct MessageSent {};
struct MessageUnreadable {};  // and nothing of it was sent
struct DeletesCommitted {};
struct DeletesFailed {};
struct TlsStarted {};
using Input =
    std::variant<LineArrived, LineTooLong, LoginJudged, MaildropOpened, MaildropBusy, MaildropUnavailable,
                 ListingSent, MessageSent, MessageUnreadable, DeletesCommitted, DeletesFailed, TlsStarted>;

// What to do next: exactly one thing.
struct ReadLine {};
struct CheckPassword {  // then LoginJudged
    std::string login;
    std::string password;
};
struct OpenMaildrop {};  // of the login just judged; then MaildropOpened, MaildropBusy or MaildropUnavailable
struct SendListing {};   // the reply is a part of a long one: when it is on its way, ListingSent
struct SendMessage {     // then MessageSent or MessageUnreadable
    std::size_t message = 0;
    std::optional<std::uint64_t> body_lines;  // of TOP
    std::string reply;                        // goes in front, once the message turned out to be readable
};
struct CommitDeletes {                  // then DeletesCommitted or DeletesFailed
    std::vector<std::size_t> messages;  // ascending, at least one
};
struct StartTls {};  // once the reply is out, dropping what was read already; then TlsStarted
struct CloseConnection {};
using Effect = std::variant<ReadLine, CheckPassword, OpenMaildrop, SendListing, SendMessage, CommitDeletes,
                            StartTls, CloseConnection>;

struct Step {
    std::string reply;  // wire bytes; empty: the reply depends on how the effect turns out
    Effect next;
};

class Session {
public:
    using Input = pop3::Input;
    using Step = pop3::Step;

    explicit Session(Config config) : config_(std::move(config)) {}
    Step greet() const;
    Step on(const Input& input);

    bool logged_in() const { return !std::holds_alternative<Authorization>(state_); }

private:
    struct Authorization {
        std::string user;  // of USER; empty: none yet
    };
    struct Judging {};
    struct Opening {};
    enum class Listed { sizes, uids };
    struct Cursor {
        Listed what;
        std::size_t next;
    };
    struct Transaction {
        const Listing* listing;
        std::vector<bool> marks;  // empty until the first DELE
        std::size_t marked = 0;
        std::uint64_t marked_size = 0;
        std::optional<Cursor> cursor;  // inside a long LIST or UIDL
        std::optional<std::size_t> sending;
    };
    struct Update {};
    struct Closed {};
    using State = std::variant<Authorization, Judging, Opening, Transaction, Update, Closed>;

    Step on_input(const LineArrived& input);
    Step on_input(const LineTooLong&);
    Step on_input(const LoginJudged& input);
    Step on_input(const MaildropOpened& input);
    Step on_input(const MaildropBusy&);
    Step on_input(const MaildropUnavailable&);
    Step on_input(const ListingSent&);
    Step on_input(const MessageSent&);
    Step on_input(const MessageUnreadable&);
    Step on_input(const DeletesCommitted&);
    Step on_input(const DeletesFailed&);
    Step on_input(const TlsStarted&);

    // Whatever the state.
    Step on_command(const Quit&);
    Step on_command(const Capa&);
    Step on_command(const UnknownCommand&);
    Step on_command(const BadArguments& command);
    // Before the login.
    Step on_command(const User& command);
    Step on_command(const Pass& command);
    Step on_command(const Stls&);
    // With a maildrop.
    Step on_command(const Stat&);
    Step on_command(const List& command);
    Step on_command(const Uidl& command);
    Step on_command(const Top& command);
    Step on_command(const Retr& command);
    Step on_command(const Dele& command);
    Step on_command(const Rset&);
    Step on_command(const Noop&);

    Step bad_command(std::string_view reply);
    Step out_of_order();
    Step login_failed();
    Step begin_listing(Transaction& drop, Listed what);
    Step go_on_listing(Transaction& drop, std::string reply);
    Step list_one(const Transaction& drop, Listed what, std::uint64_t number);
    Step send_message(Transaction& drop, std::uint64_t number, std::optional<std::uint64_t> body_lines);
    Step close_with(std::string_view reply);

    Config config_;
    std::size_t failed_logins_ = 0;
    std::size_t bad_commands_ = 0;
    State state_ = Authorization{};
};

}  // namespace sims::pop3
