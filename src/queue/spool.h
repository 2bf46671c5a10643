// The spool: the promise behind every 250. Two lanes (docs/formats/spool.md): a journal of recycled segments
// that is synced for many at once, and one file for each message that has to wait ("settled": Queue/ID).
// Knows messages, recipients and their outcomes; nothing of routes, hosts, mailboxes or time-tables.
// Thread-safe. Callbacks run on the spool's own thread: they must be short and must not call back into the
// spool in a way that waits.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "os/file_system.h"
#include "queue/message.h"

namespace sims::queue {

struct SpoolLimits {
    std::uint64_t segment_bytes = 16 << 20;
    std::size_t segments_max = 12;   // live ones; beyond, the oldest is settled so that it can be freed
    std::size_t spare_segments = 2;  // pre-written, waiting
    // A segment that was full so long ago is settled when the next one is begun: what it still holds will
    // wait.
    std::chrono::seconds settle_after{30};
    std::uint64_t inline_content_max = 1 << 20;  // longer content goes to a file of its own while it arrives
    std::uint64_t content_in_memory_max = 64 << 20;  // of accepted messages not yet delivered, all together
    std::uint64_t free_bytes_min =
        16 << 20;  // less space on the disk: no_space before the disk is full to the brim
};

// A message on its way in. Commit is explicit (Spool::commit), abandoning is the destructor. Must not outlive
// its spool.
class Draft {
public:
    virtual ~Draft() = default;
    virtual QueueId id() const = 0;
    // Adds content bytes. May block on the disk, beyond inline_content_max only. After an Error the draft is
    // dead.
    virtual Result<> append(std::string_view bytes) = 0;
    virtual std::uint64_t size() const = 0;
    // What append() will need the disk for: callers on a reactor hop to a disk thread when it says so.
    virtual bool next_append_blocks(std::size_t bytes) const = 0;
    // The first bytes, as many as are in memory (at least the header section of ordinary mail): for loop
    // counting.
    virtual std::string_view beginning() const = 0;
};

// Noted in the journal together with a message: a mailbox that is about to be written, and how long it was
// when all of it was on stable storage. `mailbox` and the numbers are the caller's; the spool only gives them
// back at recovery.
struct MailboxNote {
    std::string mailbox;
    std::uint64_t clean_length = 0;
    std::uint64_t inode = 0;
};

// A recipient's new state, to be remembered over crashes. recipient is the index in
// QueuedMessage::recipients.
struct Update {
    QueueId id;
    std::size_t recipient = 0;
    QueuedRecipient now;
};

// What open() found unfinished.
struct Recovered {
    std::vector<QueuedMessage> messages;  // with at least one recipient neither delivered nor failed
    std::vector<MailboxNote> notes;       // the newest for each mailbox not marked synced since
    std::vector<std::string> damage;      // sentences for the log: what could not be read, and what was done
};

struct SpoolCounters {
    std::uint64_t messages = 0;  // in the spool now
    std::uint64_t settled = 0;   // of them, as files of their own
    std::uint64_t journal_bytes = 0;
    std::uint64_t syncs = 0;  // since start
    std::uint64_t commits = 0;
};

class Spool {
public:
    using Done = std::function<void(Result<>)>;

    // `folder` is BASE/Queue. Replays the journal, reads the settled messages, sweeps up what a crash left
    // half made.
    static Result<std::unique_ptr<Spool>> open(os::FileSystem& files, std::string folder, SpoolLimits limits,
                                               Clock clock, Log& log);
    // Settles nothing, waits for what was handed in, closes.
    virtual ~Spool() = default;

    // Given once, to the office, before anything else.
    virtual Recovered take_recovered() = 0;

    virtual Result<std::unique_ptr<Draft>> draft() = 0;
    // Takes the draft and what is to become of it. `done` says when it is on stable storage; with an Error it
    // is not and never will be. message.id, received and size are set from the draft and the clock.
    virtual void commit(std::unique_ptr<Draft> draft, QueuedMessage message, std::vector<MailboxNote> notes,
                        Done done) = 0;

    // Notes alone. The newest note for a mailbox replaces the older ones.
    virtual void note(std::vector<MailboxNote> notes, Done done) = 0;

    // Remembers new states. Durable when `done` runs. A message all of whose recipients are delivered or
    // failed is forgotten with its content. After an Error the states hold for now, and are written again
    // with what comes next.
    virtual void update(std::vector<Update> updates, Done done) = 0;
    // The same with no hurry: goes out with the next commit or update, or when its segment must be freed.
    virtual void update_lazily(std::vector<Update> updates) = 0;
    // Everything the caller wrote to these mailboxes before is on stable storage: their notes can be
    // forgotten.
    virtual void mailboxes_synced(std::span<const std::string> mailboxes) = 0;

    virtual Result<ContentPointer> content(QueueId id) = 0;
    // Ask this to be called (on the spool's thread) when the journal needs its oldest segment back: a good
    // moment to checkpoint mailboxes. The spool settles what is still unfinished afterwards by itself.
    virtual void on_pressure(std::function<void()> callback) = 0;
    virtual SpoolCounters counters() const = 0;
};

}  // namespace sims::queue
