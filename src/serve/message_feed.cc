#include "serve/message_feed.h"

#include <utility>

namespace sims::serve {

namespace {

// Where a message is read before it is encoded. One a disk thread, however many sessions there are.
std::string& scratch() {
    thread_local std::string bytes;
    bytes.clear();
    return bytes;
}

}  // namespace

std::optional<std::string> MessageFeed::take_ahead(const Place& place) {
    const auto message = place.reading_.number;
    if (!place.whole_ || message < ahead_first_ || message - ahead_first_ >= ahead_.size())
        return std::nullopt;
    auto bytes = std::exchange(ahead_[message - ahead_first_], {});
    if (bytes.empty()) return std::nullopt;
    last_retrieved_ = message;
    return bytes;
}

Result<MessageFeed::Piece> MessageFeed::read(Place& place) {
    const auto message = place.reading_.number;
    const bool begins = !std::exchange(place.begun_, true);
    auto piece = read_piece(place, piece_bytes_);
    if (!piece || !place.whole_ || !begins) return piece;
    const bool in_order = last_retrieved_ && *last_retrieved_ + 1 == message;
    last_retrieved_ = message;
    ahead_.clear();
    if (in_order && piece->last) read_ahead(message + 1);
    return piece;
}

Result<MessageFeed::Piece> MessageFeed::read_piece(Place& place, std::size_t bytes_max) {
    auto& raw = scratch();
    const auto more = drop_.read(place.reading_, bytes_max, raw);
    if (!more) return more.error();
    Piece piece;
    piece.bytes.reserve(raw.size() + raw.size() / 64 + 16);
    place.encoder_.feed(raw, piece.bytes);
    piece.last = !*more || !place.encoder_.wants_more();
    if (piece.last) place.encoder_.finish(piece.bytes);
    return piece;
}

// A failure here is nobody's yet: the message is read again when it is asked for, and fails then.
void MessageFeed::read_ahead(std::size_t first) {
    const auto messages = drop_.messages();
    ahead_first_ = first;
    std::size_t bytes = 0;
    for (auto next = first; next < messages.size(); ++next) {
        bytes += messages[next].wire_size;
        if (bytes > piece_bytes_) return;
        Place place(next, std::nullopt);
        auto piece = read_piece(place, 2 * piece_bytes_);
        if (!piece || !piece->last) return;
        ahead_.push_back(std::move(piece->bytes));
    }
}

}  // namespace sims::serve
