// A message as RETR and TOP send it (RFC 1939 3 and 7): dots stuffed, the last line marked, cut short for
// TOP. Pure; takes the message in pieces of any size. Changes nothing else: SMTP's stuffer also mends line
// ends, but here the octets must be those LIST announced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sims::pop3 {

class MessageEncoder {
public:
    // `body_lines`: TOP's second argument; nothing sends all.
    explicit MessageEncoder(std::optional<std::uint64_t> body_lines) : body_lines_(body_lines) {}

    // Appends the next piece of the message, whose lines end with CRLF.
    void feed(std::string_view piece, std::string& out);
    // Whether more of the message would be sent; feeding goes on doing no harm.
    bool wants_more() const { return !cut_; }
    // Appends the CRLF that the message lacks, if it lacks one, and ".\r\n". Once, after the last feed().
    void finish(std::string& out);

private:
    std::string_view cut_to_size(std::string_view piece);
    void append_stuffed(std::string_view piece, std::string& out);

    std::optional<std::uint64_t> body_lines_;  // still to send, once in the body
    bool in_body_ = false;
    enum class Line { blank, carriage_return, text };
    Line line_ = Line::blank;  // what was seen of the current one
    bool cut_ = false;
    char last_ = '\n';  // the last octets that went out
    char before_last_ = '\r';
};

}  // namespace sims::pop3
