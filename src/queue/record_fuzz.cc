// Any bytes as a segment of the journal: replay is total, and what decodes encodes to the same again.
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"
#include "queue/record.h"
#include "queue/replay.h"

using namespace sims;
using namespace sims::queue;

namespace {

void decode_head(std::string_view head) {
    if (const auto message = decode_message(head)) {
        const auto again =
            encode_message(message->message, message->place, message->content_crc, message->notes);
        check(decode_message(again).has_value(), "a message that cannot be read again");
        check(again == head, "a message that encodes to something else");
    }
    if (const auto updates = decode_updates(head)) {
        check(encode_updates(*updates) == head, "updates that encode to something else");
    }
    if (const auto notes = decode_notes(head)) check(encode_notes(*notes) == head, "notes that change");
    if (const auto ids = decode_ids(head)) check(encode_ids(*ids) == head, "ids that change");
    if (const auto names = decode_mailboxes(head))
        check(encode_mailboxes(*names) == head, "names that change");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (bytes.empty()) return 0;
    // As it is, and with the sums put right: else none but a golden corpus comes past them.
    Replay raw;
    raw.add_segment(1, bytes);
    decode_head(bytes.substr(1));
    const auto kind = static_cast<RecordKind>(1 + static_cast<unsigned char>(bytes[0]) % 6);
    auto record = make_record(kind, std::string(bytes.substr(1)));
    std::string segment = encode(SegmentHeader{1, 0, 1 << 20});
    append_record_header(record, {1, static_cast<std::uint32_t>(segment.size())}, segment);
    segment += record.head;
    Replay replay;
    const auto report = replay.add_segment(1, segment);
    check(report.records == 1 && report.end == segment.size(), "a sound record was not found");
    return 0;
}
