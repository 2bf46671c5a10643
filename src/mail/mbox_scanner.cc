#include <cstring>
#include <utility>

#include "mail/mbox.h"

namespace sims::mail {
namespace {

constexpr std::string_view from = "From ";

}  // namespace

// Compares the first bytes of a line with /^>*From /, however the line is cut into pieces.
void MboxScanner::take_prefix(std::string_view piece) {
    for (const char c : piece) {
        if (c == '>' && matched_ == 0) {
            quoted_ = true;
        } else if (c == from[matched_]) {
            if (++matched_ == from.size()) {
                matching_ = false;
                return;
            }
        } else {
            matching_ = false;
            return;
        }
    }
}

std::uint64_t MboxScanner::line_wire_size() const {
    const std::uint64_t line_end = last_cr_ ? 1 : 2;
    const std::uint64_t quote = quoted_ && matched_ == from.size() ? 1 : 0;
    return length_ + line_end - quote;
}

// The line [line_start_, at_) is complete.
std::optional<MboxMessage> MboxScanner::end_line() {
    std::optional<MboxMessage> complete;
    if (after_empty_ && !quoted_ && matched_ == from.size()) {
        if (open_) {
            open_->end = held_empty_ ? empty_line_start_ : line_start_;
            open_->next = line_start_;
            complete = std::exchange(open_, std::nullopt);
        }
        open_ = MboxMessage{line_start_, at_, at_, at_, 0};
        held_empty_ = false;
        after_empty_ = false;
    } else {
        const bool empty = length_ == 0 || (length_ == 1 && last_cr_);
        if (open_ && held_empty_) open_->wire_size += held_wire_;
        held_empty_ = empty;
        after_empty_ = empty;
        held_wire_ = line_wire_size();
        if (empty) {
            empty_line_start_ = line_start_;
        } else if (open_) {
            open_->wire_size += held_wire_;
        }
    }
    line_start_ = at_;
    length_ = 0;
    matched_ = 0;
    matching_ = true;
    quoted_ = false;
    last_cr_ = false;
    return complete;
}

std::vector<MboxMessage> MboxScanner::feed(std::string_view chunk) {
    std::vector<MboxMessage> found;
    while (!chunk.empty()) {
        const auto* end = static_cast<const char*>(std::memchr(chunk.data(), '\n', chunk.size()));
        const std::size_t length = end ? static_cast<std::size_t>(end - chunk.data()) : chunk.size();
        if (matching_) take_prefix(chunk.substr(0, length));
        if (length > 0) last_cr_ = chunk[length - 1] == '\r';
        length_ += length;
        at_ += end ? length + 1 : length;
        if (end) {
            if (auto message = end_line()) found.push_back(*message);
        }
        chunk.remove_prefix(end ? length + 1 : length);
    }
    return found;
}

std::vector<MboxMessage> MboxScanner::finish() {
    std::vector<MboxMessage> found;
    if (length_ > 0) {
        if (auto message = end_line()) found.push_back(*message);
    }
    if (!open_) return found;
    open_->end = held_empty_ ? empty_line_start_ : at_;
    open_->next = at_;
    found.push_back(*std::exchange(open_, std::nullopt));
    return found;
}

}  // namespace sims::mail
