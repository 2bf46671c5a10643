// What an SMTP client may say (RFC 5321 4.1, 1870, 3030, 3207, 4954, 6152, 6531): one line → one command.
// Pure, total: any bytes give a command or the reply to refuse them with. Knows no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mail/envelope.h"
#include "proto/common/reply.h"

namespace sims::smtp {

using proto::Reply;

struct CommandLimits {
    // With its CRLF. RFC 5321 4.5.3.1.4 asks for 512 and more with every extension.
    static constexpr std::size_t line_bytes_max = 4096;
    static constexpr std::size_t hello_bytes_max = 255;  // RFC 5321 4.5.3.1.2
};

struct Hello {
    std::string name;  // printable ASCII (UTF-8 is refused: the EHLO of RFC 6531 is in A-labels)
    bool extended = false;
};
struct MailFrom {
    mail::ReversePath sender;
    std::optional<std::uint64_t> size;
    mail::BodyType body = mail::BodyType::seven_bit;
    bool smtputf8 = false;
};
struct RcptTo {
    mail::Address recipient;  // without a domain only as Postmaster (RFC 5321 4.1.1.3)
};
struct Data {};
struct Bdat {
    std::uint64_t size = 0;
    bool last = false;
};
struct Reset {};
struct Noop {};
struct Verify {};
struct Help {};
struct StartTls {};
struct Auth {                                 // both borrowed from the line
    std::string_view mechanism;               // as said
    std::optional<std::string_view> initial;  // base64, or "=" for an empty one
};
struct Quit {};
struct Unavailable {        // a verb we know and do not offer: ETRN, EXPN
    std::string_view verb;  // of static life
};
using Command = std::variant<Hello, MailFrom, RcptTo, Data, Bdat, Reset, Noop, Verify, Help, StartTls, Auth,
                             Quit, Unavailable>;

// Why a line is no command: what to answer. A BDAT whose chunk size could not be read leaves the octets
// behind it uncounted, so the conversation can't go on in step: close.
enum class AfterError { go_on, close };
struct ParseError {
    Reply reply;
    AfterError after = AfterError::go_on;
};
using ParsedCommand = std::variant<Command, ParseError>;

// `line` is without its CRLF.
ParsedCommand parse_command(std::string_view line);

}  // namespace sims::smtp
