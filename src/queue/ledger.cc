#include "queue/ledger.h"

#include <algorithm>

#include "base/check.h"

namespace sims::queue {

void Ledger::add(std::unique_ptr<Entry> entry, Segment& segment) {
    const QueueId id = entry->message.id;
    entry->segment = &segment;
    ++segment.unfinished;
    segment.messages.push_back(id);
    const auto memory = entry->memory ? entry->memory->capacity() : 0;
    const bool fresh = entries_.emplace(id, std::move(entry)).second;
    check(fresh, "two messages with one queue id");
    if (memory == 0) return;
    memory_bytes_ += memory;
    in_memory_.push_back(id);
    keep_memory_in_bounds();
}

void Ledger::add_settled(std::unique_ptr<Entry> entry) {
    entry->settled = Entry::Settled::yes;
    entry->may_have_settled_file = true;
    ++settled_;
    const QueueId id = entry->message.id;
    const bool fresh = entries_.emplace(id, std::move(entry)).second;
    check(fresh, "two messages with one queue id");
}

Entry* Ledger::find(QueueId id) {
    const auto at = entries_.find(id);
    return at == entries_.end() ? nullptr : at->second.get();
}

Ledger::Applied Ledger::apply(const Update& update) {
    Entry* const entry = find(update.id);
    if (!entry || update.recipient >= entry->message.recipients.size()) return Applied::unknown;
    entry->message.recipients[update.recipient] = update.now;
    if (!is_over(update.now.state)) return Applied::goes_on;
    return is_over(entry->message) ? Applied::over : Applied::goes_on;
}

void Ledger::finish(QueueId id, std::vector<std::string>& remove) {
    const auto at = entries_.find(id);
    check(at != entries_.end(), "finishing a message that is not in the spool");
    Entry& entry = *at->second;
    drop_memory(entry);
    if (entry.segment) --entry.segment->unfinished;
    if (!entry.segment) --settled_;
    if (entry.may_have_settled_file) remove.push_back(settled_path(id));
    if (entry.place == ContentPlace::own_file) remove.push_back(content_path(id));
    entries_.erase(at);
}

void Ledger::told(QueueId id, Segment& segment) {
    Entry* const entry = find(id);
    if (!entry || entry->settled == Entry::Settled::no) return;
    if (entry->told_generation != 0) return;
    entry->told_generation = segment.generation;
    segment.told.push_back(id);
}

std::optional<ContentSource> Ledger::source(QueueId id) const {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return std::nullopt;
    const Entry& entry = *at->second;
    ContentSource source;
    source.size = entry.message.size;
    if (entry.memory) {
        source.memory = entry.memory;
    } else if (entry.place == ContentPlace::own_file) {
        source.path = content_path(id);
    } else if (entry.segment) {
        source.file = entry.segment->file;
        source.offset = entry.content_offset;
    } else {
        source.path = settled_path(id);
        source.check = entry.content_crc;
    }
    return source;
}

void Ledger::begin_settling(Entry& entry) {
    entry.settled = Entry::Settled::going_on;
    entry.may_have_settled_file = true;
    entry.told_generation = 0;
}

void Ledger::abandon_settling(Entry& entry, Segment& segment) {
    entry.settled = entry.segment ? Entry::Settled::no : Entry::Settled::yes;
    if (!entry.segment) entry.told_generation = segment.generation;
}

void Ledger::end_settling(Entry& entry) {
    entry.settled = Entry::Settled::yes;
    drop_memory(entry);
    if (!entry.segment) return;
    ++settled_;
    --entry.segment->unfinished;
    entry.segment = nullptr;
}

std::vector<QueueId> Ledger::to_settle(const Segment& segment) {
    std::vector<QueueId> ids;
    for (const auto id : segment.messages) {
        const Entry* const entry = find(id);
        if (entry && entry->segment == &segment) ids.push_back(id);
    }
    for (const auto id : segment.told) {
        const Entry* const entry = find(id);
        if (entry && entry->settled != Entry::Settled::no && entry->told_generation == segment.generation) {
            ids.push_back(id);
        }
    }
    return ids;
}

void Ledger::add_note(const MailboxNote& note, std::uint64_t generation) {
    notes_.insert_or_assign(note.mailbox, NotePlace{note, generation});
}

std::vector<MailboxNote> Ledger::notes_in(std::uint64_t generation) const {
    std::vector<MailboxNote> found;
    for (const auto& [mailbox, place] : notes_) {
        if (place.generation == generation) found.push_back(place.note);
    }
    return found;
}

void Ledger::drop_memory(Entry& entry) {
    if (!entry.memory) return;
    memory_bytes_ -= entry.memory->capacity();
    entry.memory.reset();
}

// The oldest go first: what was accepted just now is delivered soonest.
void Ledger::keep_memory_in_bounds() {
    while (!in_memory_.empty()) {
        Entry* const entry = find(in_memory_.front());
        const bool gone = !entry || !entry->memory;
        if (!gone && memory_bytes_ <= memory_max_) return;
        if (!gone) drop_memory(*entry);
        in_memory_.pop_front();
    }
}

}  // namespace sims::queue
