#include "store/tail_mender.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "store/mailbox_index.h"
#include "store/mailbox_scanner.h"

namespace sims::store {
namespace {

constexpr std::string_view from = "From ";

class Mender {
public:
    Mender(std::string_view before, std::span<const std::string_view> rendered)
        : mended_(before), before_(before.size()), rendered_(rendered.begin(), rendered.end()) {
        std::sort(rendered_.begin(), rendered_.end());
        for (const auto message : rendered_) {
            for (const auto& scanned : scan_mailbox(message)) digests_.insert(scanned.digest);
        }
    }

    std::string mend(std::string_view region) &&;

private:
    // The message that stands whole at the start of `text`; empty when none.
    std::string_view whole_at(std::string_view text) const;
    bool has_whole(std::string_view text) const;
    void mend_message(std::string_view text);
    void mend_piece(std::string_view piece);
    std::size_t torn_length(std::string_view piece) const;
    bool is_fragment(std::string_view piece) const;
    void keep(std::string_view text);

    std::string mended_;  // begins with `before`
    std::size_t before_;
    std::vector<std::string_view> rendered_;
    std::unordered_set<Uid, UidHash> digests_;
};

std::string_view Mender::whole_at(std::string_view text) const {
    // A message that begins the text sorts right before it.
    const auto behind = std::upper_bound(rendered_.begin(), rendered_.end(), text);
    if (behind == rendered_.begin()) return {};
    const auto message = *(behind - 1);
    return text.starts_with(message) ? message : std::string_view();
}

bool Mender::has_whole(std::string_view text) const {
    for (auto at = text.find(from); at != std::string_view::npos; at = text.find(from, at + 1)) {
        if (!whole_at(text.substr(at)).empty()) return true;
    }
    return false;
}

void Mender::keep(std::string_view text) {
    if (text.empty()) return;
    if (text.starts_with(from) && !mended_.empty()) mended_ += missing_line_ends(mended_);
    mended_ += text;
}

// How many bytes at the start are what a crash made of `message`: each its own byte, or zero.
std::size_t torn_part(std::string_view message, std::string_view piece) {
    const std::size_t length = std::min(message.size(), piece.size());
    std::size_t same = 0;
    while (same < length && (piece[same] == message[same] || piece[same] == '\0')) ++same;
    return same;
}

// The same for any message that the piece holds from start to end, or that is cut short by the piece's end.
std::size_t Mender::torn_length(std::string_view piece) const {
    std::size_t longest = 0;
    for (const auto message : rendered_) {
        const std::size_t same = torn_part(message, piece);
        if (same == std::min(message.size(), piece.size())) longest = std::max(longest, same);
    }
    return longest;
}

bool Mender::is_fragment(std::string_view piece) const {
    return std::any_of(rendered_.begin(), rendered_.end(),
                       [&](auto message) { return message.find(piece) != std::string_view::npos; });
}

// Bytes in which no message of ours is whole.
void Mender::mend_piece(std::string_view piece) {
    // Line ends at the end may be another program's, who closed what it found.
    const auto text = piece.substr(0, piece.find_last_not_of(std::string_view("\r\n\0", 3)) + 1);
    if (torn_length(text) == text.size()) return;
    while (!piece.empty()) {
        if (const std::size_t torn = torn_length(piece); torn > 0) {
            piece.remove_prefix(torn);
            continue;
        }
        const std::size_t hole = std::min(piece.find_first_not_of('\0'), piece.size());
        if (hole > 0) {
            piece.remove_prefix(hole);
            continue;
        }
        // Up to the next hole it is what is left of a message, or somebody else's.
        const auto part = piece.substr(0, piece.find('\0'));
        if (!part.starts_with(from) && is_fragment(part)) {
            piece.remove_prefix(part.size());
            continue;
        }
        const auto end = piece.find_last_not_of('\0');
        keep(piece.substr(0, end + 1));
        return;
    }
}

void Mender::mend_message(std::string_view text) {
    std::size_t piece = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto whole = text.substr(at).starts_with(from) ? whole_at(text.substr(at)) : std::string_view();
        if (whole.empty()) {
            at = std::min(text.find(from, at + 1), text.size());
            continue;
        }
        mend_piece(text.substr(piece, at - piece));
        keep(whole);
        at += whole.size();
        piece = at;
    }
    mend_piece(text.substr(piece));
}

std::string Mender::mend(std::string_view region) && {
    const auto messages = scan_mailbox(region);
    // Line ends in front of the first message were written to close what precedes it.
    const std::size_t first = messages.empty() ? region.size() : messages.front().offset;
    mended_ += region.substr(0, first);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const std::size_t end = i + 1 < messages.size() ? messages[i + 1].offset : region.size();
        const auto text = region.substr(messages[i].offset, end - messages[i].offset);
        // The same but for what a mail reader changed, if it is not our very bytes.
        if (text.starts_with(from) && digests_.contains(messages[i].digest) && !has_whole(text)) {
            keep(text);
        } else {
            mend_message(text);
        }
    }
    return std::move(mended_).substr(before_);
}

}  // namespace

std::string_view missing_line_ends(std::string_view text) {
    if (text.ends_with("\n\n") || text.ends_with("\n\r\n") || text == "\n" || text == "\r\n") return {};
    return text.ends_with("\n") ? "\n" : "\n\n";
}

std::string mend_tail(std::string_view before, std::string_view region,
                      std::span<const std::string_view> rendered) {
    return Mender(before, rendered).mend(region);
}

}  // namespace sims::store
