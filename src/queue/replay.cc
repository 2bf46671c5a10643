#include "queue/replay.h"

#include <fmt/format.h>

namespace sims::queue {

namespace {

// A batch begins only after the one before it was synced. So when a record of a batch begun behind `end` can
// be found, what lies in between was on stable storage once, and no crash explains its loss.
bool later_batch_follows(std::string_view segment, std::uint64_t end, std::uint64_t generation) {
    for (auto at = segment.find("SIMR", end); at != std::string_view::npos;
         at = segment.find("SIMR", at + 1)) {
        const auto found = find_record(segment, at, generation);
        if (found && found->batch > end) return true;
    }
    return false;
}

}  // namespace

SegmentReport Replay::add_segment(std::uint64_t generation, std::string_view bytes) {
    SegmentReport report;
    report.end = segment_header_bytes;
    if (const auto header = decode_segment_header(bytes)) saw(QueueId{{header->last_id}});
    while (const auto record = find_record(bytes, report.end, generation)) {
        if (const auto applied = apply(*record, generation); !applied) {
            report.damage.push_back(fmt::format("{} (at byte {})", applied.error().text, report.end));
        }
        report.end = record->end;
        ++report.records;
    }
    if (later_batch_follows(bytes, report.end, generation)) {
        report.damage.push_back(
            fmt::format("the records from byte {} on cannot be read, though they were written", report.end));
    }
    return report;
}

Result<> Replay::apply(const FoundRecord& record, std::uint64_t generation) {
    switch (record.kind) {
        case RecordKind::message: {
            auto message = decode_message(record.head);
            if (!message) return message.error();
            add_message(std::move(*message), record, generation);
            return {};
        }
        case RecordKind::notes: {
            auto list = decode_notes(record.head);
            if (!list) return list.error();
            for (auto& note : *list) add_note(std::move(note), generation);
            return {};
        }
        case RecordKind::synced: {
            const auto list = decode_mailboxes(record.head);
            if (!list) return list.error();
            for (const auto& mailbox : *list) notes.erase(mailbox);
            return {};
        }
        case RecordKind::updates: {
            auto list = decode_updates(record.head);
            if (!list) return list.error();
            for (auto& update : *list) add_update(std::move(update), generation);
            return {};
        }
        case RecordKind::finished:
        case RecordKind::cancelled: {
            const auto list = decode_ids(record.head);
            if (!list) return list.error();
            for (const auto id : *list) end(id);
            return {};
        }
    }
    return {};
}

void Replay::add_message(MessageRecord record, const FoundRecord& found, std::uint64_t generation) {
    const QueueId id = record.message.id;
    saw(id);
    for (auto& note : record.notes) add_note(std::move(note), generation);
    if (over.contains(id)) return;
    messages.insert_or_assign(id, ReplayedMessage{std::move(record.message), record.place, record.content_crc,
                                                  generation, found.body_offset});
}

void Replay::add_update(Update update, std::uint64_t generation) {
    saw(update.id);
    if (over.contains(update.id)) return;
    const auto known = messages.find(update.id);
    if (known == messages.end()) {
        late_updates[update.id].insert_or_assign(update.recipient,
                                                 LateUpdate{std::move(update.now), generation});
        return;
    }
    auto& recipients = known->second.message.recipients;
    if (update.recipient < recipients.size()) recipients[update.recipient] = std::move(update.now);
}

void Replay::add_note(MailboxNote note, std::uint64_t generation) {
    std::string mailbox = note.mailbox;
    notes.insert_or_assign(std::move(mailbox), ReplayedNote{std::move(note), generation});
}

void Replay::end(QueueId id) {
    saw(id);
    messages.erase(id);
    late_updates.erase(id);
    over.insert(id);
}

}  // namespace sims::queue
