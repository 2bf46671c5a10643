// Reads the header section of a message, and no more. Never changes a message.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sims::mail {

// One field as it stands: `name` without the colon; `body` from behind the colon to before the last line end,
// folded as it was. Both borrowed.
struct HeaderField {
    std::string_view name;
    std::string_view body;
    std::string_view whole;  // the field's bytes with its line end
};

// Walks the fields from the top. Lines may end in CRLF or LF. Stops at the empty line, at the end, or at the
// first line that is no field (then the rest is body: real mail has such).
class HeaderReader {
public:
    explicit HeaderReader(std::string_view message) : message_(message) {}
    std::optional<HeaderField> next();
    // Where the body begins, once next() has said nothing: behind the empty line when there is one.
    std::size_t body_offset() const { return at_; }

private:
    std::string_view message_;
    std::size_t at_ = 0;
    bool done_ = false;
};

// The first field of that name (case ignored), unfolded and trimmed.
std::optional<std::string> header_value(std::string_view message, std::string_view name);
// How many Received fields the message has: each is a hop (RFC 5321 6.3).
std::size_t count_received(std::string_view message);

}  // namespace sims::mail
