// DATA octets → content (RFC 5321 4.5.2), and the check of BDAT octets (RFC 3030). Pure; pieces of any size.
// Only CRLF.CRLF ends DATA. A bare CR or LF condemns the message but does not end it, so the conversation
// stays in step, and nobody can smuggle a second message in behind an end that only some servers see.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/common/reply.h"

namespace sims::smtp {

enum class ContentDefect { bare_line_feed, bare_carriage_return, too_large };

// What the peer hears about it.
proto::Reply reply_for(ContentDefect defect);

class BodyDecoder {
public:
    explicit BodyDecoder(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    // Takes the next octets and appends content, stuffing undone, to `out`; says how many of them it took:
    // all, or those up to and with the end of data. After a defect nothing more is appended. Not after
    // done().
    std::size_t feed(std::string_view octets, std::string& out);

    bool done() const { return at_ == At::end; }
    // The first one found.
    std::optional<ContentDefect> defect() const { return defect_; }
    // Of the content so far, as long as there is no defect.
    std::uint64_t size() const { return size_; }

private:
    enum class At { line_start, in_line, after_cr, after_dot, after_dot_cr, end };

    void condemn(ContentDefect defect);
    void emit(std::string_view content, std::string& out);
    std::size_t pass_line(std::string_view octets, std::size_t from);

    std::uint64_t bytes_max_;
    std::uint64_t size_ = 0;
    std::optional<ContentDefect> defect_;
    At at_ = At::line_start;
};

// The same check for content that comes with its length: one scanner for all chunks of a message, whose lines
// may go over chunk edges.
class ChunkScanner {
public:
    void feed(std::string_view octets);
    // After the last chunk: what the content lacks to end with a line end, "\r\n" or nothing.
    std::string_view finish();
    std::optional<ContentDefect> defect() const { return defect_; }

private:
    bool after_cr_ = false;
    bool at_line_start_ = true;
    std::optional<ContentDefect> defect_;
};

}  // namespace sims::smtp
