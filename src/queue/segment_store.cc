#include "queue/segment_store.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "queue/record.h"

namespace sims::queue {

namespace {

constexpr std::size_t zeros_bytes = 1 << 20;  // at a time

}  // namespace

std::string numbered_name(std::string_view prefix, std::uint64_t number) {
    return fmt::format("{}{:016x}", prefix, number);
}

std::optional<std::uint64_t> parse_numbered(std::string_view prefix, std::string_view name) {
    if (!name.starts_with(prefix)) return std::nullopt;
    const std::string_view digits = name.substr(prefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (numbered_name(prefix, number) != name) return std::nullopt;
    return number;
}

Result<std::unique_ptr<Segment>> SegmentStore::prepare(QueueId last_id) {
    std::string spare;
    if (spares_.empty()) {
        auto made = make_spare();
        if (!made) return made.error();
        spare = std::move(*made);
    } else {
        spare = std::move(spares_.back());
        spares_.pop_back();
    }
    auto segment = begin(spare, last_id);
    if (segment) return segment;
    // Not tried again: what one spare can't do another may. What cannot be removed is found at the next
    // start.
    static_cast<void>(files_.remove(spare));
    static_cast<void>(files_.remove(folder_ + '/' + numbered_name(segment_prefix, next_ - 1)));
    return segment.error();
}

Result<std::unique_ptr<Segment>> SegmentStore::begin(const std::string& spare, QueueId last_id) {
    auto segment = std::make_unique<Segment>();
    segment->generation = next_++;
    segment->path = folder_ + '/' + numbered_name(segment_prefix, segment->generation);
    auto file = files_.open(spare, os::Open::read_write);
    if (!file) return file.error();
    segment->file = std::move(*file);
    const SegmentHeader header{segment->generation, last_id.value, limits_.segment_bytes};
    if (auto written = segment->file->write_at(0, encode(header)); !written) return written.error();
    if (auto synced = segment->file->sync(); !synced) return synced.error();
    if (auto renamed = files_.rename(spare, segment->path); !renamed) return renamed.error();
    if (auto synced = files_.sync_folder(folder_); !synced) return synced.error();
    return segment;
}

Result<std::string> SegmentStore::make_spare() {
    const auto space = files_.free_bytes(folder_);
    if (!space) return space.error();
    if (*space < limits_.free_bytes_min + limits_.segment_bytes) {
        return fail(Fault::no_space, fmt::format("{}: no space for another {} bytes of journal", folder_,
                                                 limits_.segment_bytes));
    }
    // The generation numbers the spare too: they rise, so the name is free.
    std::string path = folder_ + '/' + numbered_name(spare_prefix, next_++);
    const std::string half_made = path + std::string(half_made_suffix);
    Result<> made = write_zeros(half_made);
    if (made) made = files_.rename(half_made, path);
    if (made) return path;
    static_cast<void>(files_.remove(half_made));
    return made.error();
}

Result<> SegmentStore::write_zeros(const std::string& path) {
    auto file = files_.open(path, os::Open::create);
    if (!file) return file.error();
    const std::string zeros(std::min<std::uint64_t>(zeros_bytes, limits_.segment_bytes), '\0');
    for (std::uint64_t at = 0; at < limits_.segment_bytes; at += zeros.size()) {
        const auto count = std::min<std::uint64_t>(zeros.size(), limits_.segment_bytes - at);
        auto written = (*file)->write_at(at, std::string_view(zeros).substr(0, count));
        if (!written) return written;
    }
    return (*file)->sync();
}

Result<> SegmentStore::free(Segment& segment) {
    // A reader's open file must keep its bytes: then the name goes, and the file with its last reader.
    const bool read = segment.file.use_count() > 1;
    const bool reuse =
        segment.fate == Segment::Fate::recycle && !read && spares_.size() < limits_.spare_segments;
    if (segment.fate == Segment::Fate::keep_aside) {
        auto renamed = files_.rename(segment.path, segment.path + std::string(damaged_suffix));
        if (!renamed && renamed.error().fault != Fault::not_found) return renamed;
    } else if (reuse) {
        std::string spare = folder_ + '/' + numbered_name(spare_prefix, segment.generation);
        // Not there: renamed before, and then the folder's sync failed.
        auto renamed = files_.rename(segment.path, spare);
        if (!renamed && renamed.error().fault != Fault::not_found) return renamed;
        if (auto synced = files_.sync_folder(folder_); !synced) return synced;
        spares_.push_back(std::move(spare));
        return {};
    } else {
        auto removed = files_.remove(segment.path);
        if (!removed && removed.error().fault != Fault::not_found) return removed;
    }
    return files_.sync_folder(folder_);
}

}  // namespace sims::queue
