// One mailbox: its file, its index, what waits to be synced. Thread-safe; one operation at a time, but
// readers read and a sync waits for the disk without keeping others out.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "os/file_system.h"
#include "store/known_sizes.h"
#include "store/mailbox_index.h"
#include "store/mailbox_locks.h"
#include "store/mailbox_store.h"

namespace sims::store {

// What all mailboxes of a store share.
struct Surroundings {
    os::FileSystem& files;
    std::string base;
    Limits limits;
    Log& log;
    std::unique_ptr<DotLocks> dots;
    KnownSizes sizes;
};

// The name of the file a mailbox is rewritten to, beside it: no account has a name like it.
std::string rewrite_path(const std::string& real_path);
bool is_rewrite_name(std::string_view name);

class Mailbox {
public:
    Mailbox(Surroundings& around, MailboxPath name);

    const MailboxPath& name() const { return name_; }

    Result<> create();
    Result<std::vector<Appended>> append(std::span<const std::string_view> rendered);
    Result<std::optional<CleanLength>> clean_length();
    Result<CleanLength> sync();
    Result<MailboxStatus> status();
    Result<std::uint64_t> file_size();
    Result<CheckReport> verify();
    Result<> rebuild_index();
    Result<std::size_t> recover(CleanLength clean, std::span<const std::string_view> rendered);
    // Takes the names away, or gives new ones. busy while held.
    Result<> remove();
    Result<> rename(Mailbox& to);

    // For the one maildrop on it.
    struct View {
        SharedEntries entries;
        std::size_t count = 0;
        std::uint64_t edition = 0;  // changes when messages changed their places
    };
    Result<View> hold();
    void let_go();
    // The file to read from, and the messages as they lie now when the edition is another than `known`.
    struct Source {
        std::shared_ptr<os::File> file;
        std::uint64_t edition = 0;
        SharedEntries moved;
        std::size_t count = 0;
    };
    Result<Source> source(std::uint64_t known);
    Result<> remove_messages(std::span<const Uid> uids);

    // For the store's bounds.
    bool is_dirty();
    std::size_t cached_messages() const { return cached_messages_.load(std::memory_order_relaxed); }
    bool has_file_open() const { return has_file_open_.load(std::memory_order_relaxed); }
    // Saves the index and closes the file; not while somebody is at work on it or holds it.
    void try_close();
    // Whether nothing would be lost with the object.
    bool is_idle();

    static constexpr std::size_t chunk = 256 * 1024;
    static constexpr std::uint64_t unindexed_max = 256 * 1024;      // left to the next reader of a closed one
    static constexpr std::uint64_t unindexed_open_max = 4 << 20;    // of one that is open
    static constexpr std::uint64_t recover_region_max = 256 << 20;  // looked at byte by byte, in memory
    static constexpr std::uint64_t index_bytes_max = 1 << 30;

private:
    Result<> open_file();
    Result<> make_file();
    void close_file();
    // What the mailbox's name leads to at this moment. Anybody may move the file and put a link in its place.
    struct Place {
        os::FileStat stat;
        std::string real_path;
    };
    Result<Place> place() const;
    bool is_open_file(const os::FileStat& stat) const {
        return stat.inode == file_inode_ && stat.device == file_device_;
    }
    // Both locks on the file that now has the mailbox's name; known_ and real_path_ are right while they are
    // held.
    Result<MailboxLock> lock_current();
    void saw(const os::FileStat& stat);
    Result<> clear_debris();
    Result<std::string> missing_line_ends();

    Result<> append_locked(std::span<const std::string_view> rendered, std::vector<Appended>& appended);
    void index_appended(std::span<const std::string_view> rendered, std::uint64_t at, const Covered& before);
    void mark_dirty(std::uint64_t clean_size);
    Result<CleanLength> length_on_disk();
    Result<> prepare_sync();
    Result<> sync_names();
    Result<> rewrite_tail(os::File& file, std::uint64_t from);

    // The index as of known_. The file must be locked, or just seen to be as known_.
    Result<> refresh_index();
    Result<> refresh_for_reader();
    Result<bool> extend_index();
    Result<bool> samples_hold();
    Result<std::vector<ScannedMessage>> scan(std::uint64_t from, std::uint64_t to);
    std::string index_path() const;
    std::optional<MailboxIndex> load_index();
    void save_index();
    void settle_index(std::uint64_t unindexed);
    void count_cached();

    // mailbox_rewrite.cc
    Result<> cut_to(std::uint64_t size);
    struct Range {
        std::uint64_t begin;
        std::uint64_t end;
    };
    Result<> replace_with(std::span<const Range> kept, std::string_view added);
    Result<> copy_to(os::File& to, std::span<const Range> kept, std::string_view added);
    Result<> finish_replacing(std::unique_ptr<os::File> fresh, const std::string& path);

    // mailbox_recovery.cc
    std::uint64_t region_start(CleanLength clean) const;
    Result<std::vector<Uid>> digests_before(std::uint64_t start);
    Result<> apply_tail(std::uint64_t start, std::string_view now, std::string_view wanted);

    Surroundings& around_;
    const MailboxPath name_;
    const std::string path_;

    std::mutex mutex_;
    std::string real_path_;
    std::shared_ptr<os::File> file_;  // shared with readers and a sync that is under way
    std::uint64_t file_inode_ = 0;
    std::uint64_t file_device_ = 0;
    std::optional<Covered> known_;    // the file as we left it or last saw it
    std::optional<bool> ends_whole_;  // whether a From_ line may follow at the end of it
    // What a failed append left and could not cut off again.
    struct Debris {
        std::uint64_t from = 0;
        std::uint64_t to_at_most = 0;
        std::optional<Covered> file;  // with it
    };
    std::optional<Debris> debris_;
    std::optional<MailboxIndex> index_;
    bool index_saved_ = true;
    std::uint64_t edition_ = 1;
    std::optional<CleanLength> clean_;  // while dirty
    std::uint64_t appends_ = 0;         // counts, so that a sync knows whether it got all
    bool names_unsynced_ = false;       // the file was made, and its folder not synced since
    bool sync_failed_ = false;
    bool is_held_ = false;
    std::uint64_t appended_unindexed_ = 0;
    std::atomic<std::size_t> cached_messages_{0};
    std::atomic<bool> has_file_open_{false};
};

}  // namespace sims::store
