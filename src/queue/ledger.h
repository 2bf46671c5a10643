// What the spool holds, in memory: every unfinished message and where its bytes are, the live segments, the
// living mailbox notes. Decides what may be forgotten and when. No disk, no thread, no lock: the spool guards
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "os/file_system.h"
#include "queue/record.h"

namespace sims::queue {

struct Segment {
    std::uint64_t generation = 0;
    std::string path;
    std::shared_ptr<os::File> file;  // also held by readers of content in it: then it is not used again
    std::uint64_t end = segment_header_bytes;
    enum class Fate { recycle, discard, keep_aside } fate = Fate::recycle;  // when it is freed
    std::optional<TimePoint> closed;                                        // nothing: it is being written to
    std::size_t unfinished = 0;     // messages whose record lies here, neither finished nor settled
    std::vector<QueueId> messages;  // whose record lies here
    std::vector<QueueId> told;      // settled messages with updates here
};

struct Entry {
    QueuedMessage message;
    ContentPlace place = ContentPlace::inside;
    std::uint32_t content_crc = 0;
    Segment* segment = nullptr;  // that has its record; nothing once settled
    std::uint64_t content_offset = 0;
    std::shared_ptr<const std::string> memory;  // its content, also held by readers
    enum class Settled { no, going_on, yes } settled = Settled::no;
    bool may_have_settled_file = false;
    std::uint64_t told_generation = 0;  // of the oldest segment with updates its settled file does not tell
};

// Where content is to be read from.
struct ContentSource {
    std::shared_ptr<const std::string> memory;
    std::shared_ptr<os::File> file;  // a segment
    std::uint64_t offset = 0;
    std::string path;  // else: the last `size` bytes of this file
    std::uint64_t size = 0;
    std::optional<std::uint32_t>
        check;  // what was written by hand of the keeper is checked when it is opened
};

class Ledger {
public:
    Ledger(std::string folder, std::uint64_t content_in_memory_max)
        : folder_(std::move(folder)), memory_max_(content_in_memory_max) {}

    // A message whose record is at `content_offset` of the segment.
    void add(std::unique_ptr<Entry> entry, Segment& segment);
    void add_settled(std::unique_ptr<Entry> entry);
    Entry* find(QueueId id);
    std::size_t size() const { return entries_.size(); }
    std::size_t settled_count() const { return settled_; }

    // Takes a new state. True in the result when the message is over with it: then finish() it.
    enum class Applied { unknown, goes_on, over };
    Applied apply(const Update& update);
    // Forgets it. The files to remove once that is durable are appended to `remove`.
    void finish(QueueId id, std::vector<std::string>& remove);
    // An update of it was written to this segment.
    void told(QueueId id, Segment& segment);

    std::optional<ContentSource> source(QueueId id) const;

    // From here on updates count as younger than what is being written.
    void begin_settling(Entry& entry);
    void abandon_settling(Entry& entry, Segment& segment);
    // Its file is on stable storage.
    void end_settling(Entry& entry);
    // What of a segment must be settled (again) before it can go.
    std::vector<QueueId> to_settle(const Segment& segment);

    void add_note(const MailboxNote& note, std::uint64_t generation);
    void end_note(const std::string& mailbox) { notes_.erase(mailbox); }
    std::vector<MailboxNote> notes_in(std::uint64_t generation) const;

    // Live segments, the oldest first.
    std::deque<std::unique_ptr<Segment>> segments;

    std::string settled_path(QueueId id) const { return folder_ + '/' + id.text(); }
    std::string content_path(QueueId id) const { return folder_ + '/' + id.text() + ".content"; }

private:
    struct NotePlace {
        MailboxNote note;
        std::uint64_t generation = 0;  // of the segment with its last copy
    };
    void drop_memory(Entry& entry);
    void keep_memory_in_bounds();

    std::string folder_;
    std::uint64_t memory_max_;
    std::uint64_t memory_bytes_ = 0;
    std::size_t settled_ = 0;
    std::unordered_map<QueueId, std::unique_ptr<Entry>, StrongHash<QueueId>> entries_;
    std::deque<QueueId> in_memory_;  // the longest there first; some are gone
    std::unordered_map<std::string, NotePlace> notes_;
};

}  // namespace sims::queue
