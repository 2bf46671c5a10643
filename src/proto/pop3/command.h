// What a POP3 client may say (RFC 1939, 2449, 2595), and the grammar that reads it. Pure and total. Knows
// nothing of states: whether a command may be given now is the session's business.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

namespace sims::pop3 {

// Message numbers as the client gave them: from 1, perhaps beyond the last.
struct User {
    std::string_view name;
};
struct Pass {
    std::string_view password;  // all of the rest of the line, blanks too (RFC 1939 7)
};
struct Stat {};
struct List {
    std::optional<std::uint64_t> number;
};
struct Uidl {
    std::optional<std::uint64_t> number;
};
struct Top {
    std::uint64_t number = 0;
    std::uint64_t lines = 0;
};
struct Retr {
    std::uint64_t number = 0;
};
struct Dele {
    std::uint64_t number = 0;
};
struct Rset {};
struct Noop {};
struct Quit {};
struct Capa {};
struct Stls {};
struct UnknownCommand {};
struct BadArguments {
    std::string_view usage;  // "RETR number"
};
using Command = std::variant<User, Pass, Stat, List, Uidl, Top, Retr, Dele, Rset, Noop, Quit, Capa, Stls,
                             UnknownCommand, BadArguments>;

// `line` is without its line end. Texts in the command are borrowed from it.
Command parse_command(std::string_view line);

}  // namespace sims::pop3
