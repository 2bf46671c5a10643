#include "proto/smtp/command.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace sims::smtp {
namespace {

using mail::Address;

ParseError refuse(int code, std::string text) {
    return ParseError{Reply{code, std::move(text)}, AfterError::go_on};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

void skip_blanks(std::string_view& text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}

// Up to the next blank; the blanks behind it are gone, too.
std::string_view take_word(std::string_view& text) {
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(end);
    skip_blanks(text);
    return word;
}

// Decimal digits and nothing else. What is beyond 64 bits is as good as their maximum: it will be refused for
// size.
std::optional<std::uint64_t> parse_number(std::string_view text) {
    constexpr std::size_t digits_max = 20;  // RFC 1870 4, RFC 3030 2
    if (text.empty() || text.size() > digits_max || !std::all_of(text.begin(), text.end(), is_digit))
        return {};
    std::uint64_t value = 0;
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data(), end, value).ec != std::errc())
        return std::numeric_limits<std::uint64_t>::max();
    return value;
}

ParsedCommand parse_hello(std::string_view argument, bool extended) {
    if (argument.empty()) return refuse(501, "5.5.4 Say your host name");
    if (argument.size() > CommandLimits::hello_bytes_max)
        return refuse(501, "5.5.4 The host name is too long");
    if (!std::all_of(argument.begin(), argument.end(), [](char c) { return c > ' ' && c < 0x7f; }))
        return refuse(501, "5.5.4 That is no host name");
    return Hello{std::string(argument), extended};
}

// The text between the angle brackets at the front of `text`; quoted strings may hold brackets.
std::optional<std::string_view> take_path(std::string_view& text) {
    if (text.empty() || text.front() != '<') return std::nullopt;
    bool quoted = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') quoted = !quoted;
        if (quoted && text[i] == '\\') ++i;
        if (!quoted && (text[i] == '<' || text[i] == '>')) {
            if (text[i] == '<') return std::nullopt;
            const auto path = text.substr(1, i - 1);
            text.remove_prefix(i + 1);
            return path;
        }
    }
    return std::nullopt;
}

// RFC 5321 4.1.2, appendix C: "@one,@two:user@three" means user@three. False: a route that does not end.
bool drop_source_route(std::string_view& path) {
    while (!path.empty() && path.front() == '@') {
        const auto literal_end = path.substr(1, 1) == "[" ? path.find(']') : 0;
        if (literal_end == std::string_view::npos) return false;
        const auto end = path.find_first_of(",:", literal_end);
        if (end == std::string_view::npos) return false;
        const bool last = path[end] == ':';
        path.remove_prefix(end + 1);
        if (last) return true;
        if (path.empty() || path.front() != '@') return false;
    }
    return true;
}

struct Path {
    std::string_view address;
    std::string_view parameters;  // without blanks in front
};

// `FROM:<path> parameters` or `TO:<...>`.
std::variant<Path, ParseError> parse_path(std::string_view argument, std::string_view keyword) {
    if (!starts_with_ignoring_case(argument, keyword))
        return refuse(
            501, fmt::format("5.5.4 Syntax: {} {}<address>", keyword == "TO:" ? "RCPT" : "MAIL", keyword));
    argument.remove_prefix(keyword.size());
    skip_blanks(argument);
    auto path = take_path(argument);
    const auto status = keyword == "TO:" ? "5.1.3" : "5.1.7";
    if (!path) return refuse(501, fmt::format("{} The address goes between < and >", status));
    if (!argument.empty() && !is_blank(argument.front()))
        return refuse(501, "5.5.4 A blank goes between address and parameters");
    skip_blanks(argument);
    if (path->size() > mail::AddressLimits::path_max || !drop_source_route(*path))
        return refuse(501, fmt::format("{} The address has a bad source route", status));
    return Path{*path, argument};
}

std::optional<ParseError> set_size(MailFrom& mail, std::string_view value) {
    if (mail.size) return refuse(501, "5.5.4 SIZE is there twice");
    mail.size = parse_number(value);
    if (!mail.size) return refuse(501, "5.5.4 SIZE wants a number");
    return std::nullopt;
}

std::optional<ParseError> set_body(MailFrom& mail, std::string_view value) {
    if (equal_ignoring_case(value, "7BIT")) {
        mail.body = mail::BodyType::seven_bit;
    } else if (equal_ignoring_case(value, "8BITMIME")) {
        mail.body = mail::BodyType::eight_bit_mime;
    } else {
        return refuse(501, "5.5.4 BODY is 7BIT or 8BITMIME");
    }
    return std::nullopt;
}

std::optional<ParseError> parse_mail_parameters(MailFrom& mail, std::string_view text) {
    bool body_given = false;
    while (!text.empty()) {
        const auto parameter = take_word(text);
        const auto equals = parameter.find('=');
        const auto name = parameter.substr(0, equals);
        const auto value =
            equals == std::string_view::npos ? std::string_view() : parameter.substr(equals + 1);
        if (equal_ignoring_case(name, "SIZE")) {
            if (auto error = set_size(mail, value)) return error;
        } else if (equal_ignoring_case(name, "BODY")) {
            if (std::exchange(body_given, true)) return refuse(501, "5.5.4 BODY is there twice");
            if (auto error = set_body(mail, value)) return error;
        } else if (equal_ignoring_case(name, "SMTPUTF8")) {
            if (equals != std::string_view::npos) return refuse(501, "5.5.4 SMTPUTF8 has no value");
            if (std::exchange(mail.smtputf8, true)) return refuse(501, "5.5.4 SMTPUTF8 is there twice");
        } else if (equal_ignoring_case(name, "AUTH")) {
            // RFC 4954 5: who the sender is said to be counts for nothing here.
            if (value.empty()) return refuse(501, "5.5.4 AUTH wants a value");
        } else {
            return refuse(555, "5.5.4 Unknown parameter: " + printable(name, 40));
        }
    }
    return std::nullopt;
}

ParsedCommand parse_mail(std::string_view argument) {
    const auto parsed = parse_path(argument, "FROM:");
    if (const auto* error = std::get_if<ParseError>(&parsed)) return *error;
    const auto& path = std::get<Path>(parsed);
    MailFrom mail;
    if (auto error = parse_mail_parameters(mail, path.parameters)) return *std::move(error);
    if (path.address.empty()) return mail;
    auto address = Address::parse(path.address);
    if (!address) return refuse(501, "5.1.7 " + address.error().text);
    if (address->domain().empty()) return refuse(501, "5.1.7 The sender's address needs a domain");
    if (!mail.smtputf8 && !address->is_ascii()) return refuse(553, "5.6.7 This address needs SMTPUTF8");
    mail.sender.address = std::move(*address);
    return mail;
}

ParsedCommand parse_rcpt(std::string_view argument) {
    const auto parsed = parse_path(argument, "TO:");
    if (const auto* error = std::get_if<ParseError>(&parsed)) return *error;
    auto path = std::get<Path>(parsed);
    if (!path.parameters.empty()) {
        const auto name = take_word(path.parameters);
        return refuse(555, "5.5.4 Unknown parameter: " + printable(name.substr(0, name.find('=')), 40));
    }
    if (path.address.empty()) return refuse(501, "5.1.3 A recipient is not empty");
    auto address = Address::parse(path.address);
    if (!address) return refuse(501, "5.1.3 " + address.error().text);
    if (address->domain().empty() && !equal_ignoring_case(address->local(), "Postmaster"))
        return refuse(501, "5.1.3 The recipient's address needs a domain");
    return RcptTo{std::move(*address)};
}

ParsedCommand parse_bdat(std::string_view argument) {
    const auto size = parse_number(take_word(argument));
    const bool last = equal_ignoring_case(argument, "LAST");
    if (!size || (!last && !argument.empty()))
        return ParseError{Reply{501, "5.5.4 Syntax: BDAT size [LAST]"}, AfterError::close};
    return Bdat{*size, last};
}

ParsedCommand parse_auth(std::string_view argument) {
    Auth auth;
    auth.mechanism = take_word(argument);
    if (auth.mechanism.empty()) return refuse(501, "5.5.4 Syntax: AUTH mechanism [initial-response]");
    if (argument.find_first_of(" \t") != std::string_view::npos)
        return refuse(501, "5.5.2 The response is not in base64");
    if (!argument.empty()) auth.initial = argument;
    return auth;
}

template <class T>
ParsedCommand plain(std::string_view argument) {
    if (!argument.empty()) return refuse(501, "5.5.4 This command has no argument");
    return Command(T{});
}

// Four letters as one number, upper case.
constexpr std::uint32_t verb_code(std::string_view verb) {
    std::uint32_t code = 0;
    for (const char c : verb) {
        if (!is_alpha(c)) return 0;
        code = code << 8 | static_cast<unsigned char>(to_lower(c));
    }
    return code;
}

}  // namespace

ParsedCommand parse_command(std::string_view line) {
    if (line.size() + 2 > CommandLimits::line_bytes_max) return refuse(500, "5.5.2 The line is too long");
    auto argument = line;
    const auto verb = take_word(argument);
    argument = trim(argument);
    if (verb.size() == 4) {
        switch (verb_code(verb)) {
            case verb_code("helo"): return parse_hello(argument, false);
            case verb_code("ehlo"): return parse_hello(argument, true);
            case verb_code("mail"): return parse_mail(argument);
            case verb_code("rcpt"): return parse_rcpt(argument);
            case verb_code("data"): return plain<Data>(argument);
            case verb_code("bdat"): return parse_bdat(argument);
            case verb_code("rset"): return plain<Reset>(argument);
            case verb_code("quit"): return plain<Quit>(argument);
            case verb_code("noop"): return Command(Noop{});
            case verb_code("help"): return Command(Help{});
            case verb_code("vrfy"):
                if (argument.empty()) return refuse(501, "5.5.4 Say whom to verify");
                return Command(Verify{});
            case verb_code("expn"): return Command(Unavailable{"EXPN"});
            case verb_code("auth"): return parse_auth(argument);
            case verb_code("etrn"): return Command(Unavailable{"ETRN"});
            default: break;
        }
    }
    if (equal_ignoring_case(verb, "STARTTLS")) return plain<StartTls>(argument);
    return refuse(500, "5.5.1 Unknown command");
}

}  // namespace sims::smtp
