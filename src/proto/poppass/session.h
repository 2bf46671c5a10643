// One poppassd conversation ("poppwd", port 106) as a value: user, pass, newpass, quit. There is no RFC; the
// rules are those that every client in use can live with (docs/handbook/poppassd.md): only the codes 200, 300
// and 500 are ever sent, a failure ends the conversation, and nothing tells whether a name exists. Lines may
// end in CRLF or LF: Horde sends LF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace sims::poppass {

struct Limits {
    std::size_t line_bytes_max = 1024;  // with its line end; a password has 256 bytes at most
    std::size_t bad_commands_max = 5;
};

struct Config {
    std::string host;  // for the greeting
    Limits limits;
};

// What happened.
struct LineArrived {
    std::string_view line;  // without line end; borrowed until on() returns
};
struct LineTooLong {};
enum class LoginVerdict {
    right,
    wrong,
    unavailable
};  // wrong: also for accounts that are not there or may not log in
struct LoginJudged {
    LoginVerdict verdict;
};
struct PasswordChanged {};
struct PasswordRefused {
    std::string reason;  // for the user, one readable line
};
using Input = std::variant<LineArrived, LineTooLong, LoginJudged, PasswordChanged, PasswordRefused>;

// What to do next: exactly one thing.
struct ReadLine {};
struct CheckPassword {  // then LoginJudged
    std::string login;
    std::string password;
};
struct ChangePassword {  // then PasswordChanged or PasswordRefused
    std::string login;
    std::string old_password;
    std::string new_password;
};
struct CloseConnection {};
using Effect = std::variant<ReadLine, CheckPassword, ChangePassword, CloseConnection>;

struct Step {
    std::string reply;  // wire bytes; empty: the reply depends on how the effect turns out
    Effect next;
};

class Session {
public:
    using Input = poppass::Input;
    using Step = poppass::Step;

    explicit Session(Config config) : config_(std::move(config)) {}
    Step greet() const;
    Step on(const Input& input);

private:
    struct Nobody {};
    struct Named {
        std::string login;
    };
    struct Judging {
        std::string login, password;
    };
    struct Known {
        std::string login, password;
    };
    struct Changing {};
    struct Done {};  // changed: only quit is left
    struct Closed {};
    using State = std::variant<Nobody, Named, Judging, Known, Changing, Done, Closed>;

    Step on_input(const LineArrived& input);
    Step on_input(const LineTooLong&);
    Step on_input(const LoginJudged& input);
    Step on_input(const PasswordChanged&);
    Step on_input(const PasswordRefused& input);

    Step on_user(std::string_view name);
    Step on_pass(std::string_view password);
    Step on_newpass(std::string_view password);
    Step bad_command(std::string_view reply);
    Step close_with(std::string reply);

    Config config_;
    std::size_t bad_commands_ = 0;
    State state_ = Nobody{};
};

}  // namespace sims::poppass
