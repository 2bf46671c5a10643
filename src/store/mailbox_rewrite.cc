// Mailbox: taking messages out, and giving the file another name.
#include <algorithm>
#include <unordered_set>

#include "store/mailbox.h"

namespace sims::store {
namespace {

constexpr std::size_t copy_chunk = 1 << 20;
constexpr std::string_view rewrite_suffix = ".sims-new";

}  // namespace

std::string rewrite_path(const std::string& real_path) {
    return os::folder_of(real_path) + "/." + os::name_in(real_path) + std::string(rewrite_suffix);
}

bool is_rewrite_name(std::string_view name) {
    return name.starts_with('.') && name.ends_with(rewrite_suffix);
}

Result<> Mailbox::cut_to(std::uint64_t size) {
    if (auto cut = file_->truncate(size); !cut) return cut;
    if (clean_) clean_->length = std::min(clean_->length, size);
    mark_dirty(size);
    if (auto stat = file_->stat(); stat) {
        saw(*stat);
    } else {
        known_ = Covered{size, file_inode_, TimePoint::min()};
    }
    // The same sync makes durable what stays.
    if (auto synced = file_->sync(); !synced) {
        sync_failed_ = true;
        return synced;
    }
    if (auto names = sync_names(); !names) return names;
    clean_.reset();
    sync_failed_ = false;
    return {};
}

Result<> Mailbox::copy_to(os::File& to, std::span<const Range> kept, std::string_view added) {
    const auto buffer = std::make_unique<char[]>(copy_chunk);
    std::uint64_t at = 0;
    for (auto range : kept) {
        while (range.begin < range.end) {
            const auto wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(copy_chunk, range.end - range.begin));
            auto got = file_->read_at(range.begin, std::span(buffer.get(), wanted));
            if (!got) return got.error();
            if (*got == 0) return fail(Fault::busy, path_ + ": cut short while it was copied");
            if (auto wrote = to.write_at(at, std::string_view(buffer.get(), *got)); !wrote) return wrote;
            range.begin += *got;
            at += *got;
        }
    }
    return added.empty() ? Result<>() : to.write_at(at, added);
}

// From the synced new file to the one everybody sees.
Result<> Mailbox::finish_replacing(std::unique_ptr<os::File> fresh, const std::string& path) {
    // Who opens the new file while we are still busy with it shall wait.
    if (auto locked = fresh->try_lock(os::LockKind::exclusive); !locked) return locked;
    auto stat = fresh->stat();
    if (!stat) return stat.error();
    // Copying takes a while, and who moves files about asks for no lock.
    auto now = place();
    if (!now) return now.error();
    if (!is_open_file(now->stat) || now->real_path != real_path_) {
        return fail(Fault::busy, path_ + ": moved while it was rewritten");
    }
    if (auto renamed = around_.files.rename(path, real_path_); !renamed) return renamed;
    file_ = std::move(fresh);
    file_inode_ = stat->inode;
    file_device_ = stat->device;
    saw(*stat);
    ++appends_;
    clean_.reset();
    sync_failed_ = false;
    names_unsynced_ = true;
    auto synced = around_.files.sync_folder(os::folder_of(real_path_));
    file_->unlock();
    if (!synced) return synced;
    return sync_names();
}

// Writes what is kept, and `added`, to a new file and puts it in the place of the old one. A crash leaves
// either whole.
Result<> Mailbox::replace_with(std::span<const Range> kept, std::string_view added) {
    const std::string path = rewrite_path(real_path_);
    auto like = file_->stat();
    if (!like) return like.error();
    // One that a crash left is not used: it may have another owner, or be a link.
    (void)around_.files.remove(path);
    auto fresh = around_.files.open(path, os::Open::create_new);
    if (!fresh) return fresh.error();
    auto done = copy_to(**fresh, kept, added);
    if (done) done = around_.files.set_owner_and_mode(path, *like);
    if (done) done = (*fresh)->sync();
    if (!done) {
        (void)around_.files.remove(path);
        return done;
    }
    const auto old = file_;
    done = finish_replacing(std::move(*fresh), path);
    if (!done && file_ == old) (void)around_.files.remove(path);
    return done;
}

Result<> Mailbox::remove_messages(std::span<const Uid> uids) {
    const std::lock_guard guard(mutex_);
    auto lock = lock_current();
    if (!lock) return lock.error();
    if (auto fresh = refresh_index(); !fresh) return fresh;
    const std::unordered_set<Uid, UidHash> wanted(uids.begin(), uids.end());
    std::vector<bool> removed(index_->size());
    std::vector<Range> kept;
    std::size_t first_removed = index_->size();
    std::size_t last_kept = index_->size();
    std::uint64_t begin = 0;  // of the range that is being kept; what precedes all messages is
    for (std::size_t i = 0; i < index_->size(); ++i) {
        removed[i] = wanted.contains((*index_)[i].uid);
        const std::uint64_t offset = (*index_)[i].offset;
        const std::uint64_t next = i + 1 < index_->size() ? (*index_)[i + 1].offset : known_->size;
        if (removed[i]) {
            first_removed = std::min(first_removed, i);
            if (offset > begin) kept.push_back({begin, offset});
            begin = next;
        } else {
            last_kept = i;
        }
    }
    if (first_removed == index_->size()) return {};  // another program was faster
    if (known_->size > begin) kept.push_back({begin, known_->size});
    const Covered before = *known_;
    Result<> done;
    if (last_kept == index_->size()) {
        done = cut_to(0);
    } else if (last_kept < first_removed) {
        done = cut_to((*index_)[first_removed].offset);
    } else {
        done = replace_with(kept, {});
    }
    if (known_ == before) return done;
    // Even when it could not be made durable: this is the file as it is now.
    index_ = index_->without(removed, before.size);
    index_->set_covered(*known_);
    index_saved_ = false;
    ++edition_;
    count_cached();
    return done;
}

Result<> Mailbox::remove() {
    const std::lock_guard guard(mutex_);
    if (is_held_) return fail(Fault::busy, name_.relative + ": a session holds the mailbox");
    auto there = around_.files.lstat(path_);
    if (!there) return there.error();
    {
        // Not while another program is at work on it; a link whose target is away can be taken away all the
        // same.
        auto target = around_.files.stat(path_);
        auto lock = target ? lock_current() : Result<MailboxLock>(fail(Fault::not_found, ""));
        if (!lock && target) return lock.error();
        if (auto removed = around_.files.remove(path_); !removed) return removed;
    }
    (void)around_.files.remove(index_path());
    close_file();
    index_.reset();
    index_saved_ = true;
    count_cached();
    known_.reset();
    around_.sizes.forget(name_.relative);
    clean_.reset();
    debris_.reset();
    names_unsynced_ = false;
    sync_failed_ = false;
    return around_.files.sync_folder(os::folder_of(path_));
}

Result<> Mailbox::rename(Mailbox& to) {
    if (auto synced = sync(); !synced) return synced.error();
    const std::scoped_lock guard(mutex_, to.mutex_);
    if (is_held_ || to.is_held_) return fail(Fault::busy, name_.relative + ": a session holds the mailbox");
    auto there = around_.files.lstat(path_);
    if (!there) return there.error();
    if (around_.files.lstat(to.path_)) return fail(Fault::exists, to.path_ + ": is there already");
    if (auto made = around_.files.make_folder(os::folder_of(to.path_)); !made) return made;
    const bool other_folder = os::folder_of(path_) != os::folder_of(to.path_);
    if (there->kind == os::FileStat::Kind::link && other_folder) {
        // A relative link would point elsewhere from there.
        auto target = around_.files.real_path(path_);
        if (!target) return target.error();
        if (auto made = around_.files.symlink(*target, to.path_); !made) return made;
        if (auto removed = around_.files.remove(path_); !removed) return removed;
    } else if (auto renamed = around_.files.rename(path_, to.path_); !renamed) {
        return renamed;
    }
    if (index_ && !index_saved_) save_index();
    (void)around_.files.make_folder(os::folder_of(to.index_path()));
    (void)around_.files.rename(index_path(), to.index_path());
    close_file();
    index_.reset();
    index_saved_ = true;
    count_cached();
    known_.reset();
    around_.sizes.forget(name_.relative);
    to.close_file();
    to.known_.reset();
    around_.sizes.forget(to.name_.relative);
    if (auto synced = around_.files.sync_folder(os::folder_of(to.path_)); !synced) return synced;
    if (!other_folder) return {};
    return around_.files.sync_folder(os::folder_of(path_));
}

}  // namespace sims::store
