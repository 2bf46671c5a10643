#include "store/mailbox.h"

#include <algorithm>

#include "store/tail_mender.h"

namespace sims::store {
namespace {

constexpr int replaced_max = 4;  // times another program may replace the file while we try to lock it

}  // namespace

Mailbox::Mailbox(Surroundings& around, MailboxPath name)
    : around_(around), name_(std::move(name)), path_(around.base + "/" + name_.relative) {}

// --- The file ---

Result<> Mailbox::make_file() {
    if (auto link = around_.files.lstat(path_); link) {
        return fail(Fault::unavailable, path_ + ": a link whose target is not there (volume not mounted?)");
    }
    if (auto made = around_.files.make_folder(os::folder_of(path_)); !made) return made;
    auto file = around_.files.open(path_, os::Open::create);
    if (!file) return file.error();
    file_ = std::move(*file);
    names_unsynced_ = true;
    return {};
}

Result<> Mailbox::open_file() {
    if (file_) return {};
    auto file = around_.files.open(path_, os::Open::read_write);
    if (file) {
        file_ = std::move(*file);
    } else if (file.error().fault != Fault::not_found) {
        return file.error();
    } else if (auto made = make_file(); !made) {
        return made;
    }
    auto stat = file_->stat();
    auto real = around_.files.real_path(path_);  // right for sure only after place(), under the locks
    if (!stat || !real) {
        close_file();
        return stat ? real.error() : stat.error();
    }
    if (stat->kind != os::FileStat::Kind::file) {
        close_file();
        return fail(Fault::refused, path_ + ": not a file");
    }
    real_path_ = std::move(*real);
    file_inode_ = stat->inode;
    file_device_ = stat->device;
    has_file_open_.store(true, std::memory_order_relaxed);
    saw(*stat);
    return {};
}

void Mailbox::close_file() {
    file_.reset();
    has_file_open_.store(false, std::memory_order_relaxed);
}

void Mailbox::saw(const os::FileStat& stat) {
    const Covered now = covered_of(stat);
    if (known_ == now) return;
    known_ = now;
    ends_whole_.reset();
    around_.sizes.set(name_.relative, stat.size);
}

Result<Mailbox::Place> Mailbox::place() const {
    if (real_path_ == path_) {
        // A file under the mailbox's own name: what is renamed to that name takes its place, whatever links
        // its folders are. So the commonest case takes one call.
        auto stat = around_.files.lstat(path_);
        if (!stat) return stat.error();
        if (stat->kind == os::FileStat::Kind::file) return Place{*stat, path_};
    }
    auto real = around_.files.real_path(path_);
    if (!real) return real.error();
    auto stat = around_.files.lstat(*real);
    if (!stat) return stat.error();
    return Place{*stat, std::move(*real)};
}

Result<MailboxLock> Mailbox::lock_current() {
    for (int attempt = 1;; ++attempt) {
        if (auto opened = open_file(); !opened) return opened.error();
        {
            auto lock = MailboxLock::take(*around_.dots, file_, real_path_);
            auto now = place();
            if (!now && now.error().fault != Fault::not_found) return now.error();
            if (!now || !is_open_file(now->stat)) {
                // Another program gave the name to another file.
                close_file();
            } else if (now->real_path != real_path_) {
                real_path_ = std::move(now->real_path);
            } else if (!lock) {
                return lock;
            } else {
                saw(now->stat);
                if (auto cleared = clear_debris(); !cleared) return cleared.error();
                return lock;
            }
        }
        if (attempt == replaced_max) return fail(Fault::busy, path_ + ": replaced again and again");
    }
}

Result<> Mailbox::clear_debris() {
    if (!debris_) return {};
    const auto [from, to_at_most, file] = *debris_;
    // Not when another program has added to it since: nothing of theirs may be lost.
    const bool untouched = file ? *file == *known_ : known_->size <= to_at_most;
    if (untouched && known_->size > from) {
        if (auto cut = file_->truncate(from); !cut) return cut;
        // At once: a later append torn over what a crash brought back could be told from no message.
        if (auto synced = file_->sync(); !synced) return synced;
        auto stat = file_->stat();
        if (!stat) return stat.error();
        saw(*stat);
        const bool was_right =
            index_ && index_->covered().inode == known_->inode && index_->covered().size == from;
        if (was_right) index_->set_covered(*known_);
    }
    debris_.reset();
    return {};
}

// --- Appending ---

Result<> Mailbox::create() {
    const std::lock_guard guard(mutex_);
    if (auto opened = open_file(); !opened) return opened;
    return sync_names();
}

Result<std::string> Mailbox::missing_line_ends() {
    const std::uint64_t size = known_->size;
    if (ends_whole_ == true || size == 0) return std::string();
    const std::uint64_t from = size < 3 ? 0 : size - 3;
    auto end = file_->read_text(from, 3);
    if (!end) return end.error();
    return std::string(store::missing_line_ends(*end));
}

void Mailbox::mark_dirty(std::uint64_t clean_size) {
    ++appends_;
    if (!clean_) clean_ = CleanLength{clean_size, file_inode_};
}

void Mailbox::index_appended(std::span<const std::string_view> rendered, std::uint64_t at,
                             const Covered& before) {
    if (!index_ || index_->covered() != before || at != before.size) {
        appended_unindexed_ += known_->size - before.size;
        return;
    }
    std::vector<ScannedMessage> found;
    MailboxScanner scanner(at);
    for (const auto message : rendered) scanner.feed(message, found);
    scanner.finish(found);
    index_->add(found);
    index_->set_covered(*known_);
    index_saved_ = false;
    count_cached();
}

Result<> Mailbox::append_locked(std::span<const std::string_view> rendered, std::vector<Appended>& appended) {
    auto missing = missing_line_ends();
    if (!missing) return missing.error();
    const Covered before = *known_;
    std::vector<std::string_view> pieces;
    pieces.reserve(rendered.size() + 1);
    std::uint64_t at = before.size + missing->size();
    if (!missing->empty()) pieces.push_back(*missing);
    for (const auto message : rendered) {
        pieces.push_back(message);
        appended.push_back({at});
        at += message.size();
    }
    if (auto wrote = file_->write_at(before.size, std::span<const std::string_view>(pieces)); !wrote) {
        mark_dirty(before.size);
        debris_ = Debris{before.size, at, std::nullopt};
        if (auto stat = file_->stat(); stat) {
            saw(*stat);
            debris_->file = *known_;
            // Tried again before the next operation when it fails.
            (void)clear_debris();
        }
        return wrote;
    }
    mark_dirty(before.size);
    // The sizes are known; the time is not when stat fails: then the next look takes it for a foreign change.
    if (auto stat = file_->stat(); stat) {
        saw(*stat);
    } else {
        known_ = Covered{at, file_inode_, TimePoint::min()};
    }
    ends_whole_ = true;
    index_appended(rendered, before.size + missing->size(), before);
    return {};
}

Result<std::vector<Appended>> Mailbox::append(std::span<const std::string_view> rendered) {
    for (const auto message : rendered) {
        check(message.starts_with("From ") && message.ends_with("\n\n"), "append of what is no mbox message");
    }
    const std::lock_guard guard(mutex_);
    auto lock = lock_current();
    if (!lock) return lock.error();
    std::vector<Appended> appended;
    if (rendered.empty()) return appended;
    if (auto done = append_locked(rendered, appended); !done) return done.error();
    around_.dots->keep_fresh(known_->modified);
    return appended;
}

Result<std::optional<CleanLength>> Mailbox::clean_length() {
    const std::lock_guard guard(mutex_);
    if (clean_) return std::optional<CleanLength>();
    auto length = length_on_disk();
    if (!length) return length.error();
    return std::optional(*length);
}

// --- Syncing ---

bool Mailbox::is_dirty() {
    const std::lock_guard guard(mutex_);
    return clean_.has_value() || names_unsynced_;
}

Result<> Mailbox::sync_names() {
    if (!names_unsynced_) return {};
    // The folders may be new as well.
    for (std::string folder = os::folder_of(path_); folder.size() >= around_.base.size();
         folder = os::folder_of(folder)) {
        if (auto synced = around_.files.sync_folder(folder); !synced) return synced;
        if (folder == "/") break;
    }
    auto real = around_.files.real_path(path_);
    if (!real && real.error().fault != Fault::not_found) return real.error();
    if (real && os::folder_of(*real) != os::folder_of(path_)) {
        if (auto synced = around_.files.sync_folder(os::folder_of(*real)); !synced) return synced;
    }
    names_unsynced_ = false;
    return {};
}

// After a failed sync the kernel takes the lost bytes for written: they are written once more.
Result<> Mailbox::rewrite_tail(os::File& file, std::uint64_t from) {
    auto stat = file.stat();
    if (!stat) return stat.error();
    while (from < stat->size) {
        auto bytes = file.read_text(from, std::min<std::uint64_t>(chunk, stat->size - from));
        if (!bytes) return bytes.error();
        if (bytes->empty()) break;
        if (auto wrote = file.write_at(from, *bytes); !wrote) return wrote;
        from += bytes->size();
    }
    auto after = file.stat();
    if (!after) return after.error();
    const bool own_index = index_ && known_ && index_->covered() == *known_ && known_->size == after->size;
    saw(*after);
    if (own_index) index_->set_covered(*known_);
    return {};
}

Result<CleanLength> Mailbox::sync() {
    std::shared_ptr<os::File> file;
    std::uint64_t appends = 0;
    CleanLength synced;
    {
        const std::lock_guard guard(mutex_);
        if (!clean_ && !names_unsynced_) return length_on_disk();
        if (auto ready = prepare_sync(); !ready) return ready.error();
        file = file_;
        appends = appends_;
        synced = {known_->size, file_inode_};
    }
    // Others append meanwhile.
    auto done = file->sync();
    const std::lock_guard guard(mutex_);
    if (!done) {
        if (file == file_) sync_failed_ = true;
        return done.error();
    }
    if (auto names = sync_names(); !names) return names.error();
    // Rewritten meanwhile, and synced by that; or closed.
    if (file != file_) return clean_ ? *clean_ : CleanLength{known_->size, file_inode_};
    sync_failed_ = false;
    if (appends == appends_) {
        clean_.reset();
    } else if (clean_) {
        clean_ = synced;
    }
    if (!index_ && appended_unindexed_ > unindexed_open_max) settle_index(unindexed_open_max);
    return synced;
}

Result<CleanLength> Mailbox::length_on_disk() {
    auto stat = around_.files.stat(path_);
    if (!stat && stat.error().fault != Fault::not_found) return stat.error();
    around_.sizes.set(name_.relative, stat ? stat->size : 0);
    return stat ? CleanLength{stat->size, stat->inode} : CleanLength{};
}

// Opens the file, and writes once more what a failed sync may have lost.
Result<> Mailbox::prepare_sync() {
    if (file_ && !sync_failed_ && !debris_) return {};
    auto lock = lock_current();
    if (!lock) return lock.error();
    if (!sync_failed_ || !clean_) return {};
    return rewrite_tail(*file_, clean_->inode == file_inode_ ? clean_->length : 0);
}

// --- Readers ---

Result<> Mailbox::refresh_for_reader() {
    auto stat = around_.files.stat(path_);
    if (stat && file_ && stat->inode == file_inode_ && index_ && !debris_ &&
        index_->covered() == covered_of(*stat)) {
        saw(*stat);
        return {};
    }
    if (!index_ && stat) {
        // The file at rest, and an index on disk that is right for it: no lock is needed to see that.
        if (auto opened = open_file(); !opened) return opened;
        index_ = load_index();
        index_saved_ = true;
        count_cached();
        saw(*stat);
        if (index_ && stat->inode == file_inode_ && index_->covered() == *known_) return {};
    }
    auto lock = lock_current();
    if (!lock) return lock.error();
    return refresh_index();
}

Result<Mailbox::View> Mailbox::hold() {
    const std::lock_guard guard(mutex_);
    if (is_held_) return fail(Fault::busy, name_.relative + ": another session holds the mailbox");
    if (auto fresh = refresh_for_reader(); !fresh) return fresh.error();
    is_held_ = true;
    return View{index_->entries(), index_->size(), edition_};
}

void Mailbox::let_go() {
    const std::lock_guard guard(mutex_);
    is_held_ = false;
    if (index_ && !index_saved_ && index_->covered() == known_) {
        const auto header = [&]() -> std::optional<MailboxIndex::Header> {
            auto file = around_.files.open(index_path(), os::Open::read);
            if (!file) return std::nullopt;
            auto bytes = (*file)->read_text(0, MailboxIndex::header_size);
            return bytes ? MailboxIndex::decode_header(*bytes) : std::nullopt;
        }();
        const std::uint64_t saved = header && header->covered.inode == file_inode_ ? header->covered.size : 0;
        if (saved > known_->size || known_->size - saved > unindexed_open_max) save_index();
    }
}

Result<Mailbox::Source> Mailbox::source(std::uint64_t known) {
    const std::lock_guard guard(mutex_);
    if (auto fresh = refresh_for_reader(); !fresh) return fresh.error();
    if (edition_ == known) return Source{file_, edition_, nullptr, 0};
    return Source{file_, edition_, index_->entries(), index_->size()};
}

Result<std::uint64_t> Mailbox::file_size() {
    const std::lock_guard guard(mutex_);
    auto length = length_on_disk();
    if (!length) return length.error();
    return length->length;
}

Result<MailboxStatus> Mailbox::status() {
    const std::lock_guard guard(mutex_);
    auto stat = around_.files.stat(path_);
    if (!stat && stat.error().fault != Fault::not_found) return stat.error();
    around_.sizes.set(name_.relative, stat ? stat->size : 0);
    if (!stat) {
        if (around_.files.lstat(path_)) {
            return fail(Fault::unavailable, path_ + ": a link whose target is not there");
        }
        return MailboxStatus{};
    }
    if (!index_) {
        // The header of the index on disk says it without the entries.
        if (auto file = around_.files.open(index_path(), os::Open::read); file) {
            auto bytes = (*file)->read_text(0, MailboxIndex::header_size);
            const auto header = bytes ? MailboxIndex::decode_header(*bytes) : std::nullopt;
            if (header && header->covered == covered_of(*stat)) {
                return MailboxStatus{header->messages, stat->size};
            }
        }
    }
    if (auto fresh = refresh_for_reader(); !fresh) return fresh.error();
    return MailboxStatus{index_->size(), known_->size};
}

// --- Closing ---

bool Mailbox::is_idle() {
    const std::lock_guard guard(mutex_);
    return !file_ && !index_ && !clean_ && !is_held_ && !names_unsynced_ && !debris_;
}

void Mailbox::try_close() {
    const std::unique_lock guard(mutex_, std::try_to_lock);
    if (!guard.owns_lock() || is_held_) return;
    if (!index_saved_ || !index_) settle_index(unindexed_max);
    index_.reset();
    index_saved_ = true;
    count_cached();
    close_file();
}

void Mailbox::count_cached() {
    cached_messages_.store(index_ ? index_->size() : 0, std::memory_order_relaxed);
}

}  // namespace sims::store
