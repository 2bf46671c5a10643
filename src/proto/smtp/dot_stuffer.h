// Content → DATA octets (RFC 5321 4.5.2), in pieces of any size. Pure. The inverse of BodyDecoder.
#pragma once

#include <string>
#include <string_view>

namespace sims::smtp {

class DotStuffer {
public:
    // Appends the next piece of content to `out`: a dot in front of every line that begins with one. Line
    // ends are CRLF on the wire, whatever they are in the content: a bare CR or LF never leaves this host.
    void feed(std::string_view content, std::string& out);
    // Appends the end: the CRLF the content lacks, if it lacks one, and ".\r\n". Once, after the last feed().
    void finish(std::string& out);

private:
    enum class At { line_start, in_line, after_cr };
    At at_ = At::line_start;
};

}  // namespace sims::smtp
