#include "proto/pop3/command.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace sims::pop3 {

namespace {

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

template <class C>
Command without_arguments(std::string_view arguments, std::string_view usage) {
    if (!trim(arguments).empty()) return BadArguments{usage};
    return C{};
}

template <class C>
Command with_number(std::string_view arguments, std::string_view usage) {
    const auto number = parse_number(trim(arguments));
    if (!number) return BadArguments{usage};
    return C{*number};
}

template <class C>
Command with_optional_number(std::string_view arguments, std::string_view usage) {
    if (trim(arguments).empty()) return C{std::nullopt};
    return with_number<C>(arguments, usage);
}

Command parse_user(std::string_view arguments, std::string_view usage) {
    const auto name = trim(arguments);
    if (name.empty()) return BadArguments{usage};
    return User{name};
}

Command parse_pass(std::string_view arguments, std::string_view usage) {
    if (arguments.empty()) return BadArguments{usage};
    return Pass{arguments};
}

Command parse_top(std::string_view arguments, std::string_view usage) {
    arguments = trim(arguments);
    const auto blank = arguments.find_first_of(" \t");
    if (blank == std::string_view::npos) return BadArguments{usage};
    const auto number = parse_number(arguments.substr(0, blank));
    const auto lines = parse_number(trim(arguments.substr(blank)));
    if (!number || !lines) return BadArguments{usage};
    return Top{*number, *lines};
}

struct Keyword {
    std::string_view name;
    Command (*parse)(std::string_view arguments, std::string_view usage);
    std::string_view usage;
};

// The most frequent first.
constexpr std::array keywords = std::to_array<Keyword>({
    {"RETR", with_number<Retr>, "RETR number"},
    {"DELE", with_number<Dele>, "DELE number"},
    {"TOP", parse_top, "TOP number lines"},
    {"USER", parse_user, "USER name"},
    {"PASS", parse_pass, "PASS password"},
    {"STAT", without_arguments<Stat>, "STAT"},
    {"UIDL", with_optional_number<Uidl>, "UIDL [number]"},
    {"LIST", with_optional_number<List>, "LIST [number]"},
    {"QUIT", without_arguments<Quit>, "QUIT"},
    {"CAPA", without_arguments<Capa>, "CAPA"},
    {"NOOP", without_arguments<Noop>, "NOOP"},
    {"RSET", without_arguments<Rset>, "RSET"},
    {"STLS", without_arguments<Stls>, "STLS"},
});

}  // namespace

Command parse_command(std::string_view line) {
    const auto blank = line.find(' ');
    const auto name = line.substr(0, blank);
    const auto arguments = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    for (const auto& keyword : keywords) {
        if (equal_ignoring_case(name, keyword.name)) return keyword.parse(arguments, keyword.usage);
    }
    return UnknownCommand{};
}

}  // namespace sims::pop3
