// Lines out of a buffer, by the rules all our text protocols share. Pure; finds, never copies.
#pragma once

#include <cstddef>
#include <string_view>

namespace sims::proto {

class LineSplitter {
public:
    enum class Kind {
        incomplete,      // no whole line yet: consume `consumed` and read more
        line,            // a line that ended with CRLF
        bare_line_feed,  // a line that ended with LF alone
        too_long,        // the end of a line that was longer than the limit; text is empty
    };
    struct Found {
        Kind kind;
        std::string_view text;  // without its line end; borrowed from the buffer. May hold any byte but LF
        std::size_t consumed;   // how much of the buffer is done with
    };

    // bytes_max counts the line end (RFC 5321 4.5.3.1.4).
    explicit LineSplitter(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // The next line at the front of `buffer`. An over-long line is thrown away as it arrives, so the buffer
    // never needs more than bytes_max bytes, and is told once, at its end: the conversation stays in step.
    Found next(std::string_view buffer);

private:
    std::size_t bytes_max_;
    bool skipping_ = false;  // inside an over-long line
};

}  // namespace sims::proto
