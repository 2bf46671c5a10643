// The lines a client sends, for protocols whose lines may end in CRLF or LF: nothing in them can be smuggled
// by a bare LF.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "net/stream.h"
#include "proto/common/lines.h"

namespace sims::serve {

class LineInput {
public:
    using Kind = proto::LineSplitter::Kind;
    using Found = proto::LineSplitter::Found;

    // bytes_max with the line end.
    LineInput(net::Stream& stream, std::size_t bytes_max)
        : stream_(stream), bytes_max_(bytes_max), lines_(bytes_max) {}

    // The next line, or one that was too long; nothing: fill the stream and ask again. The text stays in the
    // stream's buffer until done().
    std::optional<Found> next() {
        for (;;) {
            const auto found = lines_.next(stream_.buffered());
            if (found.kind != Kind::incomplete) {
                held_ = found.consumed;
                return found;
            }
            if (found.consumed == 0) return std::nullopt;
            stream_.consume(found.consumed);
        }
    }
    void done() { stream_.consume(std::exchange(held_, 0)); }
    // The stream's buffer was thrown away (STLS).
    void restart() {
        lines_ = proto::LineSplitter(bytes_max_);
        held_ = 0;
    }

private:
    net::Stream& stream_;
    std::size_t bytes_max_;
    proto::LineSplitter lines_;
    std::size_t held_ = 0;  // bytes of the line that is being answered
};

}  // namespace sims::serve
