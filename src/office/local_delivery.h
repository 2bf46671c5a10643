// The thread that puts messages into mailboxes: everything that waits is taken at once and written mailbox by
// mailbox, one lock and one write for all that go to the same one. Write-behind: checkpoints sync the
// mailboxes and then let the journal forget (docs/formats/spool.md).
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "office/book.h"
#include "office/ledger.h"
#include "office/quota.h"
#include "queue/spool.h"
#include "store/mailbox_store.h"

namespace sims::office {

// A message as it will stand in one recipient's mailbox; the same bytes after a restart. Error: content
// unreadable.
Result<std::string> render_for(const queue::QueuedMessage& message, std::size_t recipient,
                               const MailboxTarget& target, const queue::ContentPointer& content);

// A message on its way into mailboxes, shared by its recipients.
struct Rendering {
    queue::QueuedMessage message;
    queue::ContentPointer content;
};

struct LocalJob {
    LocalDue due;
    MailboxTarget target;
    std::shared_ptr<const Rendering> rendering;  // by every job of the message
    std::shared_ptr<void> on_last;  // by every job of the message: released, it answers the client
};

// What became of one job.
using LocalOutcome = std::function<void(const LocalJob&, Book::Outcome, const std::string& reply)>;

class LocalDelivery {
public:
    struct Parts {
        store::MailboxStore& store;
        queue::Spool& spool;
        Ledger& ledger;
        directory::Directory& directory;
        Quota& quota;
        Log& log;
    };
    struct Limits {
        static constexpr std::uint64_t write_bytes_max =
            4 << 20;  // of one append, unless one message is longer
    };

    // `housekeeping` runs on a thread of its own when woken, and again after the time it asks for.
    using Housekeeping = std::function<std::optional<std::chrono::milliseconds>()>;
    LocalDelivery(Parts parts, std::chrono::milliseconds checkpoint_interval, LocalOutcome outcome,
                  Housekeeping housekeeping);
    // Delivers what was handed in, checkpoints, ends the threads.
    ~LocalDelivery();

    void deliver(std::vector<LocalJob> jobs);
    // Runs on the delivery thread, before what is delivered next.
    void run(std::function<void()> work);

    // Everything appended to the mailbox, or to all, is on stable storage and the journal knows (durably)
    // when it returns. From any thread but the spool's.
    Result<> checkpoint(const store::MailboxPath& mailbox);
    // The same, then `rewrite` (which removes or renames) while nobody checkpoints and the journal knows that
    // the mailbox's length means nothing.
    Result<> checkpoint_and(const store::MailboxPath& mailbox, const std::function<Result<>()>& rewrite);
    Result<> checkpoint_all();
    // Checkpoints what is dirty and runs the housekeeping now, on its thread.
    void wake_housekeeping();

private:
    void delivery_loop();
    void housekeeping_loop();
    void deliver_group(const std::vector<LocalJob*>& group);
    void append(const store::MailboxPath& mailbox, const std::vector<LocalJob*>& jobs,
                const std::vector<std::string>& rendered);
    Result<> make_noted(const store::MailboxPath& mailbox);
    enum class Marks { lazily, durably };
    Result<> checkpoint_one(const store::MailboxPath& mailbox, Marks marks);

    Parts parts_;
    std::chrono::milliseconds checkpoint_interval_;
    LocalOutcome outcome_;
    Housekeeping housekeeping_;

    std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable tick_;
    std::vector<LocalJob> jobs_;
    std::vector<std::function<void()>> tasks_;
    bool stopping_ = false;
    bool tick_wanted_ = false;
    bool dirty_ = false;  // something was appended since the last checkpoint of all
    std::mutex checkpointing_;
    std::mutex appending_;  // from the append to its mark in the ledger: what can be read has its mark
    std::thread delivery_thread_;
    std::thread housekeeping_thread_;
};

// Waits for a spool callback; never on the spool's own thread.
Result<> wait_for_spool(const std::function<void(queue::Spool::Done)>& start);

}  // namespace sims::office
