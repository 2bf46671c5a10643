#include "proto/common/lines.h"

#include <algorithm>

namespace sims::proto {

LineSplitter::Found LineSplitter::next(std::string_view buffer) {
    // Nothing beyond the limit is looked at: a line that has not ended by then is too long wherever it ends.
    const auto window = skipping_ ? buffer : buffer.substr(0, bytes_max_);
    const auto end = window.find('\n');
    if (end == std::string_view::npos) {
        if (!skipping_ && buffer.size() < bytes_max_) return {Kind::incomplete, {}, 0};
        skipping_ = true;
        return {Kind::incomplete, {}, window.size()};
    }
    const auto consumed = end + 1;
    if (skipping_) {
        skipping_ = false;
        return {Kind::too_long, {}, consumed};
    }
    if (end > 0 && window[end - 1] == '\r') return {Kind::line, window.substr(0, end - 1), consumed};
    return {Kind::bare_line_feed, window.substr(0, end), consumed};
}

}  // namespace sims::proto
