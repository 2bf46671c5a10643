// What the spool's threads share: the callers', the journal's writer, the keeper. One mutex, held for moments
// only; no disk is touched under it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "queue/content.h"
#include "queue/ledger.h"
#include "queue/record.h"
#include "queue/spool.h"

namespace sims::queue {

// Something that waits to be on stable storage: at most one record, and what to do when it is.
struct Job {
    std::optional<Record> record;  // nothing: only wants everything before it to be there
    std::unique_ptr<Entry> entry;  // of a message
    std::vector<MailboxNote> notes;
    std::vector<std::string> synced;
    std::vector<QueueId> told;            // whose states it tells
    std::vector<std::string> remove;      // files that may go when it is there
    std::unique_ptr<ContentDraft> draft;  // whose file must be synced before
    std::optional<Error> refused;         // it cannot be done: only to be answered
    Spool::Done done;

    bool is_commit() const { return entry != nullptr; }
};

struct Core {
    Core(os::FileSystem& file_system, std::string queue_folder, SpoolLimits spool_limits, Clock spool_clock,
         Log& spool_log)
        : files(file_system),
          folder(std::move(queue_folder)),
          limits(spool_limits),
          clock(std::move(spool_clock)),
          log(spool_log),
          ledger(folder, limits.content_in_memory_max) {}

    os::FileSystem& files;
    const std::string folder;
    const SpoolLimits limits;
    const Clock clock;
    Log& log;

    std::mutex mutex;
    std::condition_variable writer_wakes;
    std::condition_variable keeper_wakes;

    // All below under the mutex.
    Ledger ledger;
    std::vector<Job> urgent;                      // for the writer, in order
    std::vector<Job> lazy;                        // go before the urgent ones
    std::unordered_set<std::string> synced;       // mailboxes, to be told behind the lazy ones
    std::optional<std::uint64_t> carry;           // notes last told in that segment are to be told again
    bool write_lazy = false;                      // do not wait for an urgent one
    std::vector<Job> with_files;                  // for the keeper: content files to be synced first
    std::size_t syncing_files = 0;                // jobs taken from there and not handed on yet
    std::vector<std::unique_ptr<Segment>> ready;  // prepared ones, the oldest first
    bool segment_wanted = false;                  // the writer waits for one
    std::optional<Error> segment_error;           // why it gets none
    std::vector<std::string> remove;              // files the keeper may remove
    bool look = false;                            // the keeper should look whether there is something to do
    bool begun_segment = false;                   // since the keeper looked
    std::function<void()> pressure;
    enum class Life { open, closing, written } life = Life::open;

    std::atomic<std::uint64_t> last_id{0};
    std::atomic<std::uint64_t> syncs{0};
    std::atomic<std::uint64_t> commits{0};

    void poke_keeper() {
        look = true;
        keeper_wakes.notify_one();
    }
    std::string name_of_file(std::string_view name) const { return folder + '/' + std::string(name); }
};

}  // namespace sims::queue
