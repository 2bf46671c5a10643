// What the journal says, read front to back: recovery without a disk. Pure. Give it the segments in the order
// of their generations; then it knows every unfinished message, the updates of settled ones, and the living
// notes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "queue/record.h"

namespace sims::queue {

struct ReplayedMessage {
    QueuedMessage message;
    ContentPlace place = ContentPlace::inside;
    std::uint32_t content_crc = 0;
    std::uint64_t generation = 0;      // of the segment that has it
    std::uint64_t content_offset = 0;  // there, when it is inside
};

struct ReplayedNote {
    MailboxNote note;
    std::uint64_t generation = 0;  // of the segment that has its last copy
};

// The newest state of a recipient whose message is not in the journal.
struct LateUpdate {
    QueuedRecipient now;
    std::uint64_t generation = 0;
};

struct SegmentReport {
    std::uint64_t end = 0;  // of the last good record
    std::size_t records = 0;
    std::vector<std::string>
        damage;  // sentences about what should be there and is not; without the file's name
};

class Replay {
public:
    using ById = StrongHash<QueueId>;

    SegmentReport add_segment(std::uint64_t generation, std::string_view bytes);

    std::unordered_map<QueueId, ReplayedMessage, ById> messages;
    std::unordered_map<QueueId, std::map<std::size_t, LateUpdate>, ById> late_updates;
    std::unordered_set<QueueId, ById> over;  // finished or cancelled
    std::unordered_map<std::string, ReplayedNote> notes;
    QueueId last_id;  // the highest seen

private:
    Result<> apply(const FoundRecord& record, std::uint64_t generation);
    void add_message(MessageRecord record, const FoundRecord& found, std::uint64_t generation);
    void add_update(Update update, std::uint64_t generation);
    void add_note(MailboxNote note, std::uint64_t generation);
    void end(QueueId id);
    void saw(QueueId id) {
        if (id > last_id) last_id = id;
    }
};

}  // namespace sims::queue
