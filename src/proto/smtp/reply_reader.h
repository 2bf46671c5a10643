// The grammar of replies, for the client side (RFC 5321 4.2): lines → Reply. Pure, total, bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "proto/common/reply.h"

namespace sims::smtp {

using proto::Reply;

struct ReplyLimits {
    static constexpr std::size_t line_bytes_max =
        4096;                                      // RFC 5321 4.5.3.1.5 asks for 512; real ones are longer
    static constexpr std::size_t lines_max = 128;  // of one reply: EHLO lists are about 20
    static constexpr std::size_t text_bytes_max = 16384;  // of one reply
};

class ReplyReader {
public:
    // One line without its line end. The whole reply once its last line is there; nothing while there is
    // more. Errors: invalid, with the reason: not a reply, or beyond the limits. The connection is of no use
    // then.
    Result<std::optional<Reply>> on_line(std::string_view line);

private:
    std::optional<Reply> gathered_;
    std::size_t lines_ = 0;
};

}  // namespace sims::smtp
