// Mailbox: making it whole after a crash.
#include <algorithm>
#include <unordered_map>

#include "store/mailbox.h"
#include "store/tail_mender.h"

namespace sims::store {

// Where the bytes begin that may be torn.
std::uint64_t Mailbox::region_start(CleanLength clean) const {
    std::uint64_t start = 0;
    // Another inode: the file was rewritten since, and synced by that. What came then may be anywhere.
    if (clean.inode == file_inode_ && clean.length <= known_->size) start = clean.length;
    if (known_->size - start <= recover_region_max) return start;
    const std::uint64_t least = known_->size - recover_region_max;
    for (std::size_t i = 0; i < index_->size(); ++i) {
        if ((*index_)[i].offset >= least) return (*index_)[i].offset;
    }
    return known_->size;
}

Result<std::vector<Uid>> Mailbox::digests_before(std::uint64_t start) {
    std::vector<Uid> digests;
    for (std::size_t i = 0; i < index_->size() && (*index_)[i].offset < start; ++i) {
        const auto& entry = (*index_)[i];
        if (entry.offset + entry.stored_size <= start) {
            digests.push_back(index_->digest_of(entry.uid));
            continue;
        }
        // Torn bytes have run into the last whole message.
        auto found = scan(entry.offset, start);
        if (!found) return found.error();
        for (const auto& message : *found) digests.push_back(message.digest);
    }
    return digests;
}

Result<> Mailbox::apply_tail(std::uint64_t start, std::string_view now, std::string_view wanted) {
    if (wanted.starts_with(now)) {
        // Whole, but perhaps never written: after a failed sync the kernel only believes it was.
        return file_->write_at(start, wanted);
    }
    const Range kept[] = {{0, start}};
    return replace_with(kept, wanted);
}

Result<std::size_t> Mailbox::recover(CleanLength clean, std::span<const std::string_view> rendered) {
    const std::lock_guard guard(mutex_);
    auto lock = lock_current();
    if (!lock) return lock.error();
    if (auto fresh = refresh_index(); !fresh) return fresh.error();
    const std::uint64_t start = region_start(clean);
    auto region = file_->read_text(start, static_cast<std::size_t>(known_->size - start));
    if (!region) return region.error();
    const std::uint64_t before_size = std::min<std::uint64_t>(start, 3);
    auto before = file_->read_text(start - before_size, static_cast<std::size_t>(before_size));
    if (!before) return before.error();
    std::string wanted = mend_tail(*before, *region, rendered);

    auto digests = digests_before(start);
    if (!digests) return digests.error();
    std::unordered_map<Uid, std::size_t, UidHash> present;
    for (const auto& digest : *digests) ++present[digest];
    for (const auto& message : scan_mailbox(wanted)) ++present[message.digest];
    std::size_t appended = 0;
    for (const auto message : rendered) {
        const auto scanned = scan_mailbox(message);
        check(scanned.size() == 1, "recovery of what is no mbox message");
        auto& copies = present[scanned.front().digest];
        if (copies > 0) {
            --copies;
            continue;
        }
        const std::string end =
            *before + wanted.substr(wanted.size() - std::min<std::size_t>(wanted.size(), 3));
        if (!end.empty()) wanted += store::missing_line_ends(end);
        wanted += message;
        ++appended;
    }

    mark_dirty(start);
    if (auto applied = apply_tail(start, *region, wanted); !applied) return applied.error();
    if (auto synced = file_->sync(); !synced) {
        sync_failed_ = true;
        return synced.error();
    }
    names_unsynced_ = true;
    if (auto names = sync_names(); !names) return names.error();
    auto stat = file_->stat();
    if (!stat) return stat.error();
    saw(*stat);
    clean_.reset();
    sync_failed_ = false;
    if (auto fresh = refresh_index(); !fresh) return fresh.error();
    return appended;
}

}  // namespace sims::store
