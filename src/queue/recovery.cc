#include "queue/recovery.h"

#include <algorithm>

#include <fmt/format.h>

#include "queue/settled_file.h"

namespace sims::queue {

namespace {

constexpr std::size_t segment_bytes_max = std::size_t{1} << 30;
constexpr std::size_t first_read = 8 << 10;  // the envelope of an ordinary message
constexpr std::size_t envelope_max = 256 << 20;
constexpr std::string_view content_suffix = ".content";

// What fails to be read is tried once more: a passing fault must not set good mail aside.
template <class Read>
auto read_twice(Read read) -> decltype(read()) {
    auto result = read();
    if (result || result.error().fault == Fault::corrupt) return result;
    return read();
}

struct SettledFile {
    ParsedSettled parsed;
    std::uint64_t file_bytes = 0;
};

Result<SettledFile> read_settled(os::FileSystem& files, const std::string& path) {
    auto file = files.open(path, os::Open::read);
    if (!file) return file.error();
    const auto stat = (*file)->stat();
    if (!stat) return stat.error();
    for (std::size_t count = first_read;; count *= 8) {
        const auto bytes = (*file)->read_text(0, count);
        if (!bytes) return bytes.error();
        auto parsed = parse_settled(*bytes);
        if (parsed) return SettledFile{std::move(*parsed), stat->size};
        if (parsed.error().fault != Fault::limit) return parsed.error();
        if (bytes->size() < count || count >= envelope_max) {
            return fail(Fault::corrupt, "not a queued message: its envelope has no end");
        }
    }
}

}  // namespace

Result<Recovered> Recovery::run() {
    if (auto made = core_.files.make_folder(core_.folder); !made) return made.error();
    if (auto synced = core_.files.sync_folder(os::folder_of(core_.folder)); !synced) return synced.error();
    const auto names = core_.files.list(core_.folder);
    if (!names) return names.error();
    for (const auto& name : *names) sort_name(name);
    replay_segments();
    take_journal();
    take_settled();
    sweep_contents();
    saw(replay_.last_id);
    segments_.begin_above(last_generation_);
    for (const auto& [mailbox, place] : replay_.notes) {
        recovered_.notes.push_back(place.note);
        core_.ledger.add_note(place.note, place.generation);
    }
    std::sort(recovered_.messages.begin(), recovered_.messages.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    // A spare used again must not come back under its old name.
    if (names_changed_) {
        if (auto synced = core_.files.sync_folder(core_.folder); !synced) return synced.error();
    }
    for (auto& path : spares_) segments_.adopt_spare(std::move(path));
    return std::move(recovered_);
}

void Recovery::sort_name(const std::string& name) {
    const std::string_view view = name;
    const std::string path = core_.name_of_file(name);
    if (view.ends_with(half_made_suffix)) {
        const auto stem = view.substr(0, view.size() - half_made_suffix.size());
        const auto number = parse_numbered(spare_prefix, stem);
        if (number) last_generation_ = std::max(last_generation_, *number);
        if (number || QueueId::parse(stem)) core_.remove.push_back(path);
    } else if (const auto generation = parse_numbered(segment_prefix, view)) {
        last_generation_ = std::max(last_generation_, *generation);
        journal_.emplace(*generation, path);
    } else if (const auto number = parse_numbered(spare_prefix, view)) {
        last_generation_ = std::max(last_generation_, *number);
        const auto stat = core_.files.stat(path);
        if (stat && stat->size == core_.limits.segment_bytes &&
            spares_.size() < core_.limits.spare_segments) {
            spares_.push_back(path);
        } else {
            core_.remove.push_back(path);
        }
    } else if (view.ends_with(damaged_suffix)) {
        const auto number_of = view.substr(0, view.size() - damaged_suffix.size());
        if (const auto damaged = parse_numbered(segment_prefix, number_of)) {
            last_generation_ = std::max(last_generation_, *damaged);
        }
    } else if (const auto id = QueueId::parse(view)) {
        saw(*id);
        settled_.insert(*id);
    } else if (view.ends_with(content_suffix)) {
        if (const auto owner = QueueId::parse(view.substr(0, view.size() - content_suffix.size()))) {
            saw(*owner);
            contents_.insert(*owner);
        }
    }
}

void Recovery::replay_segments() {
    for (const auto& [generation, path] : journal_) replay_segment(generation, path);
}

void Recovery::replay_segment(std::uint64_t generation, const std::string& path) {
    const auto bytes = read_twice([&] { return os::read_file(core_.files, path, segment_bytes_max); });
    if (!bytes) return set_aside(path, bytes.error().text);
    const auto header = decode_segment_header(*bytes);
    if (!header) return set_aside(path, "it has no readable header");
    if (header->generation != generation) return set_aside(path, "its header has another generation");
    const auto report = replay_.add_segment(generation, *bytes);
    for (const auto& sentence : report.damage) {
        recovered_.damage.push_back(
            fmt::format("{}: {}; the file will be kept as {}{}", path, sentence, path, damaged_suffix));
    }
    if (report.records == 0 && report.damage.empty()) return adopt_empty(generation, path, bytes->size());
    keep_segment(generation, path, bytes->size(), report);
}

void Recovery::keep_segment(std::uint64_t generation, const std::string& path, std::uint64_t bytes,
                            const SegmentReport& report) {
    auto segment = std::make_unique<Segment>();
    segment->generation = generation;
    segment->path = path;
    segment->end = report.end;
    segment->closed = core_.clock();
    if (!report.damage.empty()) {
        segment->fate = Segment::Fate::keep_aside;
    } else if (bytes != core_.limits.segment_bytes) {
        segment->fate = Segment::Fate::discard;
    }
    auto file = read_twice([&] { return core_.files.open(path, os::Open::read); });
    if (file) {
        segment->file = std::move(*file);
    } else {
        recovered_.damage.push_back(fmt::format("{}: {}", path, file.error().text));
    }
    core_.ledger.segments.push_back(std::move(segment));
}

void Recovery::set_aside(const std::string& path, const std::string& why) {
    const std::string kept = path + std::string(damaged_suffix);
    const auto renamed = core_.files.rename(path, kept);
    names_changed_ = true;
    recovered_.damage.push_back(fmt::format("{} was left out: {}; {}", path, why,
                                            renamed ? "it is kept as " + kept : renamed.error().text));
}

void Recovery::adopt_empty(std::uint64_t generation, const std::string& path, std::uint64_t bytes) {
    if (bytes != core_.limits.segment_bytes || spares_.size() >= core_.limits.spare_segments) {
        core_.remove.push_back(path);
        return;
    }
    std::string spare = core_.name_of_file(numbered_name(spare_prefix, generation));
    if (!core_.files.rename(path, spare)) return;  // stays an empty segment, until the next start
    names_changed_ = true;
    spares_.push_back(std::move(spare));
}

void Recovery::take_journal() {
    for (auto& [id, replayed] : replay_.messages) {
        if (replayed.place == ContentPlace::own_file) named_contents_.insert(id);
        for (auto& recipient : replayed.message.recipients) {
            if (recipient.state == RecipientState::sending) recipient.state = RecipientState::waiting;
        }
        auto entry = std::make_unique<Entry>();
        entry->message = replayed.message;
        entry->place = replayed.place;
        entry->content_crc = replayed.content_crc;
        entry->content_offset = replayed.content_offset;
        // The twin in a file of its own is no younger than the journal.
        entry->may_have_settled_file = settled_.erase(id) == 1;
        Segment* const segment = segment_of(replayed.generation);
        check(segment != nullptr, "a message replayed from a segment that is not there");
        core_.ledger.add(std::move(entry), *segment);
        hand_over(replayed.message);
    }
}

void Recovery::take_settled() {
    for (const auto id : settled_) {
        if (replay_.over.contains(id)) {
            core_.remove.push_back(core_.ledger.settled_path(id));
        } else {
            take_settled_file(id);
        }
    }
}

void Recovery::take_settled_file(QueueId id) {
    const std::string path = core_.ledger.settled_path(id);
    const auto bad = [&](std::string_view why) {
        recovered_.damage.push_back(fmt::format("{} is left out, and left where it is: {}", path, why));
    };
    auto file = read_twice([&] { return read_settled(core_.files, path); });
    if (!file) return bad(file.error().text);
    SettledMessage& settled = file->parsed.settled;
    QueuedMessage& message = settled.message;
    if (message.id != id) return bad("it holds a message of another id");
    const bool inside = settled.place == ContentPlace::inside;
    if (inside && file->file_bytes != file->parsed.envelope_bytes + message.size) {
        return bad("its content has another length than it should");
    }
    if (!inside) named_contents_.insert(id);
    const auto late = replay_.late_updates.find(id);
    if (late != replay_.late_updates.end()) {
        for (auto& [index, update] : late->second) {
            if (index < message.recipients.size()) message.recipients[index] = update.now;
        }
    }
    for (auto& recipient : message.recipients) {
        if (recipient.state == RecipientState::sending) recipient.state = RecipientState::waiting;
    }
    auto entry = std::make_unique<Entry>();
    entry->message = message;
    entry->place = settled.place;
    entry->content_crc = settled.content_crc;
    core_.ledger.add_settled(std::move(entry));
    if (late != replay_.late_updates.end()) {
        std::uint64_t generation = UINT64_MAX;
        for (const auto& [index, update] : late->second) generation = std::min(generation, update.generation);
        core_.ledger.told(id, *segment_of(generation));
    }
    hand_over(message);
}

// Contents nobody names were never promised, or are done with. After damage nobody knows.
void Recovery::sweep_contents() {
    for (const auto id : named_contents_) {
        if (!contents_.contains(id)) {
            recovered_.damage.push_back(
                fmt::format("{} is missing: its message cannot be sent", core_.ledger.content_path(id)));
        }
    }
    if (!recovered_.damage.empty()) return;
    for (const auto id : contents_) {
        if (!named_contents_.contains(id)) core_.remove.push_back(core_.ledger.content_path(id));
    }
}

// To the office; a message that is over is forgotten instead.
void Recovery::hand_over(const QueuedMessage& message) {
    if (is_over(message)) {
        core_.ledger.finish(message.id, core_.remove);
    } else {
        recovered_.messages.push_back(message);
    }
}

Segment* Recovery::segment_of(std::uint64_t generation) {
    for (const auto& segment : core_.ledger.segments) {
        if (segment->generation == generation) return segment.get();
    }
    return nullptr;
}

void Recovery::saw(QueueId id) {
    if (id.value > core_.last_id.load()) core_.last_id.store(id.value);
}

}  // namespace sims::queue
