// The envelope of a settled message as text (docs/formats/spool.md "A settled message"). Pure; parsing is
// total.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "queue/message.h"
#include "queue/record.h"

namespace sims::queue {

struct SettledMessage {
    QueuedMessage message;
    ContentPlace place = ContentPlace::inside;  // behind the envelope, or in ID.content
    std::uint32_t content_crc = 0;
};

std::string format_settled(const SettledMessage& settled);

struct ParsedSettled {
    SettledMessage settled;
    std::size_t envelope_bytes = 0;  // where the content begins
};
// Fault::limit: the envelope goes on behind `bytes`. Fault::corrupt: it is none.
Result<ParsedSettled> parse_settled(std::string_view bytes);

}  // namespace sims::queue
