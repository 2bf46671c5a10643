// The messages of an opened maildrop as POP3 sends them: dot-stuffed, in pieces of bounded size. A client
// that retrieves one message after the other is read ahead of, so that small messages cost one trip to the
// disk threads for many. One thread at a time; no Asio.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "proto/pop3/message_encoder.h"
#include "store/mailbox_store.h"

namespace sims::serve {

class MessageFeed {
public:
    // `drop` outlives the feed. `piece_bytes` bounds what is read at a time, and what is read ahead.
    MessageFeed(store::Maildrop& drop, std::size_t piece_bytes) : drop_(drop), piece_bytes_(piece_bytes) {}

    // How far one RETR or TOP has come.
    class Place {
    public:
        Place(std::size_t message, std::optional<std::uint64_t> body_lines)
            : whole_(!body_lines), encoder_(body_lines) {
            reading_.number = message;
        }

    private:
        friend class MessageFeed;
        bool whole_;
        bool begun_ = false;
        store::Maildrop::Reading reading_;
        pop3::MessageEncoder encoder_;
    };
    struct Piece {
        std::string bytes;
        bool last = false;
    };

    // The whole message, when it was read ahead: once, and its memory goes with it. Never blocks.
    std::optional<std::string> take_ahead(const Place& place);
    // The next piece. Blocks.
    Result<Piece> read(Place& place);

private:
    Result<Piece> read_piece(Place& place, std::size_t bytes_max);
    void read_ahead(std::size_t first);

    store::Maildrop& drop_;
    const std::size_t piece_bytes_;
    std::optional<std::size_t> last_retrieved_;
    std::size_t ahead_first_ = 0;
    std::vector<std::string> ahead_;  // messages ahead_first_ and on, encoded; empty: taken
};

}  // namespace sims::serve
