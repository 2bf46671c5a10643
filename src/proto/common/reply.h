// A numbered reply as SMTP and its family speak it (RFC 5321 4.2, RFC 2034), as a value: ours to send, or a
// peer's.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sims::proto {

struct Reply {
    int code = 0;  // 200 to 599
    std::string
        text;  // "5.1.1 No such user": enhanced code in front. Lines of a longer reply are parted by '\n'

    bool is_positive() const { return code >= 200 && code < 300; }
    bool is_intermediate() const { return code >= 300 && code < 400; }
    bool is_temporary() const { return code >= 400 && code < 500; }
    bool is_permanent() const { return code >= 500 && code < 600; }

    // "550 5.1.1 No such user", several lines joined by blanks, control characters escaped: for logs and
    // reports.
    std::string one_line() const;
    friend bool operator==(const Reply&, const Reply&) = default;
};

// Adds the reply as it goes over the wire, every line with its CRLF. Control characters in the text (a peer's
// words handed on, say) become '?': a reply never gives birth to a second one.
void append_reply(std::string& out, const Reply& reply);

}  // namespace sims::proto
