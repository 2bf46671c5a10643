// The bytes of the journal (docs/formats/spool.md): segment headers and records. Pure; knows no file.
// Encoding appends nothing to disk, decoding is total: any bytes give a record or nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "queue/message.h"
#include "queue/spool.h"

namespace sims::queue {

inline constexpr std::size_t segment_header_bytes = 64;
inline constexpr std::size_t record_header_bytes = 40;

struct SegmentHeader {
    std::uint64_t generation = 0;
    std::uint64_t last_id = 0;  // the highest queue id handed out when it was written
    std::uint64_t segment_bytes = 0;
};
std::string encode(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);

enum class RecordKind : std::uint8_t {
    message = 1,
    notes = 2,
    synced = 3,
    updates = 4,
    finished = 5,
    cancelled = 6,
};

// A record as its caller made it: all but the generation and the batch, which only the writer knows.
struct Record {
    RecordKind kind = RecordKind::message;
    std::string head;
    std::uint32_t head_crc = 0;
    std::shared_ptr<const std::string> body;  // a message's content: also held by its entry and its readers
    std::uint32_t body_crc = 0;

    std::size_t body_bytes() const { return body ? body->size() : 0; }
    std::uint64_t bytes() const { return record_header_bytes + head.size() + body_bytes(); }
};
Record make_record(RecordKind kind, std::string head);

struct RecordPlace {
    std::uint64_t generation = 0;
    std::uint32_t batch = 0;
};
// Appends the 40 bytes in front of the record's head and body.
void append_record_header(const Record& record, RecordPlace place, std::string& out);

// A record found in a segment; borrowed from its bytes.
struct FoundRecord {
    RecordKind kind = RecordKind::message;
    std::uint32_t batch = 0;
    std::string_view head;
    std::string_view body;
    std::uint32_t body_crc = 0;
    std::uint64_t body_offset = 0;
    std::uint64_t end = 0;
};
// The record at `offset`, when everything about it checks out.
std::optional<FoundRecord> find_record(std::string_view segment, std::uint64_t offset,
                                       std::uint64_t generation);

enum class ContentPlace { inside, own_file };
struct MessageRecord {
    QueuedMessage message;
    ContentPlace place = ContentPlace::inside;
    std::uint32_t content_crc = 0;
    std::vector<MailboxNote> notes;
};

// Heads. Decoding fails with Fault::corrupt: right sums, wrong insides.
std::string encode_message(const QueuedMessage& message, ContentPlace place, std::uint32_t content_crc,
                           std::span<const MailboxNote> notes);
Result<MessageRecord> decode_message(std::string_view head);
std::string encode_notes(std::span<const MailboxNote> notes);
Result<std::vector<MailboxNote>> decode_notes(std::string_view head);
std::string encode_mailboxes(std::span<const std::string> mailboxes);
Result<std::vector<std::string>> decode_mailboxes(std::string_view head);
std::string encode_updates(std::span<const Update> updates);
Result<std::vector<Update>> decode_updates(std::string_view head);
std::string encode_ids(std::span<const QueueId> ids);
Result<std::vector<QueueId>> decode_ids(std::string_view head);

}  // namespace sims::queue
