#include "store/mailbox_locks.h"

#include <thread>
#include <unistd.h>

namespace sims::store {
namespace {

constexpr std::chrono::seconds fresh_for{60};  // other programs wait minutes before they break a lock
constexpr std::size_t lock_text_max = 4096;

}  // namespace

Result<std::unique_ptr<DotLocks>> DotLocks::open(os::FileSystem& files, const std::string& index_folder,
                                                 std::chrono::seconds stale, Log& log) {
    std::unique_ptr<DotLocks> locks(new DotLocks(files, stale, log));
    locks->ready_path_ = index_folder + "/.dotlock";
    auto file = files.open(locks->ready_path_, os::Open::create);
    if (!file) return file.error();
    auto stat = (*file)->stat();
    if (!stat) return stat.error();
    locks->mark_ = "sims " + std::to_string(stat->inode) + "\n";
    // Other programs read the process number from the first line.
    locks->text_ = std::to_string(::getpid()) + "\n" + locks->mark_;
    locks->ready_file_ = std::move(*file);
    if (auto cut = locks->ready_file_->truncate(locks->text_.size()); !cut) return cut.error();
    locks->ready_ = *stat;
    if (auto now = locks->touch_ready(); !now) return now.error();
    // A lock that outlives a power failure must be known by this file's inode.
    if (auto synced = locks->ready_file_->sync(); !synced) return synced.error();
    if (auto synced = files.sync_folder(index_folder); !synced) return synced.error();
    if (auto synced = files.sync_folder(os::folder_of(index_folder)); !synced) return synced.error();
    return locks;
}

Result<TimePoint> DotLocks::touch_ready() {
    if (auto wrote = ready_file_->write_at(0, text_); !wrote) return wrote.error();
    auto stat = ready_file_->stat();
    if (!stat) return stat.error();
    const std::lock_guard guard(mutex_);
    ready_.modified = stat->modified;
    return stat->modified;
}

void DotLocks::keep_fresh(TimePoint now) {
    {
        const std::lock_guard guard(mutex_);
        if (now < ready_.modified + fresh_for) return;
    }
    if (auto touched = touch_ready(); !touched) {
        log_.line(LogLevel::problems, Service::queue, "", "store.lock_not_refreshed", "{}",
                  touched.error().text);
    }
}

bool DotLocks::is_ours(const std::string& lock_path, const os::FileStat& stat) {
    if (stat.inode == ready_.inode && stat.device == ready_.device) return true;
    auto text = os::read_file(files_, lock_path, lock_text_max);
    return text && text->ends_with("\n" + mark_);
}

bool DotLocks::is_left_over(const std::string& lock_path) {
    auto stat = files_.lstat(lock_path);
    if (!stat || stat->kind != os::FileStat::Kind::file || !is_ours(lock_path, *stat)) return false;
    const std::lock_guard guard(mutex_);
    return !held_.contains(lock_path);
}

Result<DotLocks::Taken> DotLocks::make_apart(const std::string& lock_path) {
    auto file = files_.open(lock_path, os::Open::create_new);
    if (!file) {
        const Fault fault = file.error().fault;
        // A full disk must not keep anybody from deleting mail.
        if (fault != Fault::refused && fault != Fault::no_space) return file.error();
        const std::lock_guard guard(mutex_);
        if (told_.insert(os::folder_of(lock_path)).second) {
            log_.line(LogLevel::problems, Service::queue, "", "store.no_dot_lock",
                      "{}: going on with the fcntl lock alone", file.error().text);
        }
        return Taken::impossible;
    }
    // Held all the same when the text can't be written: it is for people and for our next life.
    (void)(*file)->write_at(0, text_);
    return Taken::yes;
}

Result<DotLocks::Taken> DotLocks::make(const std::string& lock_path) {
    auto linked = files_.link(ready_path_, lock_path);
    if (linked) return Taken::yes;
    if (linked.error().fault == Fault::exists) return linked.error();
    // Another file system, or one without links.
    return make_apart(lock_path);
}

Result<DotLocks::Taken> DotLocks::take(const std::string& real_path) {
    const std::string lock_path = real_path + ".lock";
    auto made = make(lock_path);
    if (!made && made.error().fault == Fault::exists) {
        auto there = files_.lstat(lock_path);
        bool abandoned = is_left_over(lock_path);
        if (there && !abandoned && !is_ours(lock_path, *there)) {
            auto now = touch_ready();
            abandoned = now && there->modified + stale_ < *now;
        }
        if (abandoned) {
            log_.line(LogLevel::problems, Service::queue, "", "store.stale_lock", "{}: abandoned, removed",
                      lock_path);
            (void)files_.remove(lock_path);
            made = make(lock_path);
        }
    }
    if (!made && made.error().fault == Fault::exists) {
        return fail(Fault::busy, lock_path + ": another program holds the mailbox");
    }
    if (made && *made == Taken::yes) {
        const std::lock_guard guard(mutex_);
        held_.insert(lock_path);
    }
    return made;
}

void DotLocks::release(const std::string& real_path) {
    const std::string lock_path = real_path + ".lock";
    auto removed = files_.remove(lock_path);
    if (!removed && removed.error().fault != Fault::not_found) {
        log_.line(LogLevel::problems, Service::queue, "", "store.lock_left", "{}", removed.error().text);
    }
    const std::lock_guard guard(mutex_);
    held_.erase(lock_path);
}

Result<MailboxLock> MailboxLock::take(DotLocks& dots, std::shared_ptr<os::File> file,
                                      const std::string& real_path) {
    for (int attempt = 1;; ++attempt) {
        Error why;
        if (auto locked = file->try_lock(os::LockKind::exclusive); !locked) {
            why = locked.error();
        } else {
            auto dot = dots.take(real_path);
            if (dot) return MailboxLock(dots, std::move(file), real_path, *dot);
            file->unlock();
            why = dot.error();
        }
        if (why.fault != Fault::busy || attempt == attempts_max) return why;
        std::this_thread::sleep_for(pause);
    }
}

MailboxLock::MailboxLock(MailboxLock&& other) noexcept
    : dots_(other.dots_),
      file_(std::move(other.file_)),
      real_path_(std::move(other.real_path_)),
      dot_(other.dot_) {}

MailboxLock::~MailboxLock() {
    if (!file_) return;
    if (dot_ == DotLocks::Taken::yes) dots_->release(real_path_);
    file_->unlock();
}

}  // namespace sims::store
