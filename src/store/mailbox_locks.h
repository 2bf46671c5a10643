// The locks other mail programs honour: an fcntl lock on the mailbox file and NAME.lock beside it. Never
// waits long: what is held by somebody else is busy.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "base/log.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/mailbox_store.h"

namespace sims::store {

// Makes dot locks by linking a ready-made file, which keeps its inode for ever: so a lock that a former life
// of this server left is known as its own. Thread-safe.
class DotLocks {
public:
    static Result<std::unique_ptr<DotLocks>> open(os::FileSystem& files, const std::string& index_folder,
                                                  std::chrono::seconds stale, Log& log);

    // The lock beside `real_path`. busy when somebody else's is there; `impossible` where the folder may not
    // be written: the fcntl lock alone must do.
    enum class Taken { yes, impossible };
    Result<Taken> take(const std::string& real_path);
    void release(const std::string& real_path);
    // What a clock of the file system said lately: an old ready-made lock would look abandoned to others.
    void keep_fresh(TimePoint now);
    // Whether the file is a lock of ours that nobody holds: left by a former life.
    bool is_left_over(const std::string& lock_path);

private:
    DotLocks(os::FileSystem& files, std::chrono::seconds stale, Log& log)
        : files_(files), stale_(stale), log_(log) {}
    Result<Taken> make(const std::string& lock_path);
    Result<Taken> make_apart(const std::string& lock_path);
    bool is_ours(const std::string& lock_path, const os::FileStat& stat);
    Result<TimePoint> touch_ready();

    os::FileSystem& files_;
    std::chrono::seconds stale_;
    Log& log_;
    std::string ready_path_;
    std::string text_;
    std::string mark_;  // the line of text_ that all lives of this server share
    os::FileStat ready_;
    std::unique_ptr<os::File> ready_file_;
    std::mutex mutex_;  // of what follows, and ready_.modified
    std::unordered_set<std::string> held_;
    std::unordered_set<std::string> told_;  // folders that may not be written: one log line each
};

// Both locks on one mailbox, tried for a short while; let go of in the destructor.
class MailboxLock {
public:
    static constexpr int attempts_max = 6;
    static constexpr std::chrono::milliseconds pause{10};

    // `file` is the open mailbox, `real_path` its path without links.
    static Result<MailboxLock> take(DotLocks& dots, std::shared_ptr<os::File> file,
                                    const std::string& real_path);
    MailboxLock(MailboxLock&& other) noexcept;
    MailboxLock& operator=(MailboxLock&&) = delete;
    ~MailboxLock();

private:
    MailboxLock(DotLocks& dots, std::shared_ptr<os::File> file, std::string real_path, DotLocks::Taken dot)
        : dots_(&dots), file_(std::move(file)), real_path_(std::move(real_path)), dot_(dot) {}
    DotLocks* dots_;
    std::shared_ptr<os::File>
        file_;  // shared with the mailbox, which may go on to another; null when moved from
    std::string real_path_;
    DotLocks::Taken dot_;
};

}  // namespace sims::store
