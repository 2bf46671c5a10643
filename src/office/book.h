// The office's book of what is in the queue: each unfinished message with its recipients, and the two
// time-tables (for other servers, and for mailboxes that could not be written). Memory only: the spool
// remembers for it. Thread-safe; never blocks on the disk.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "office/target.h"
#include "queue/message.h"
#include "queue/schedule.h"
#include "queue/spool.h"

namespace sims::office {

// A recipient whose mailbox is to be tried.
struct LocalDue {
    queue::QueueId id;
    std::size_t recipient = 0;
};

class Book {
public:
    explicit Book(queue::RetryRules rules);

    void set_rules(const queue::RetryRules& rules);

    // Local recipients are being delivered right now by the caller; remote ones are due at their `next`.
    void enter(const queue::QueuedMessage& message, TimePoint now);
    // As after a restart: everything waits until its `next`, local recipients too.
    void enter_recovered(const queue::QueuedMessage& message, TimePoint now);
    std::optional<queue::QueuedMessage> find(queue::QueueId id) const;
    std::vector<queue::QueuedMessage> all() const;

    // The outcome of one try. Gives the recipient as it is now; nothing when the message was removed
    // meanwhile. `deferred`: the attempt is counted and the next one set, unless it is time to give up: then
    // the state is failed.
    enum class Outcome { delivered, deferred, failed };
    struct Settled {
        queue::QueuedRecipient recipient;
        bool warn = false;  // the sender is to be told of the delay now
    };
    std::optional<Settled> settle_local(LocalDue due, Outcome outcome, const std::string& reply,
                                        TimePoint now);
    std::vector<std::optional<Settled>> settle_remote(
        const queue::Assignment& assignment, const std::vector<Outcome>& outcomes,
        const std::vector<std::pair<std::string, std::string>>& words, queue::DestinationOutcome destination,
        TimePoint now);

    std::optional<queue::Assignment> next_remote(TimePoint now);
    std::optional<queue::Assignment> next_remote_for(const std::string& destination, TimePoint now);
    std::optional<TimePoint> next_remote_due(TimePoint now) const;
    std::vector<LocalDue> take_local_due(TimePoint now);
    std::optional<TimePoint> next_local_due(TimePoint now) const;

    // The administrator's hand. Each gives the recipients changed, to be recorded. Recipients being sent
    // right now are left alone, but for remove(): their outcome is ignored.
    std::vector<queue::Update> hold(queue::QueueId id);
    std::vector<queue::Update> release(queue::QueueId id, TimePoint now);
    std::vector<queue::Update> retry(std::optional<queue::QueueId> id, TimePoint now);
    std::optional<std::vector<queue::Update>> remove(queue::QueueId id);

private:
    struct Entry {
        queue::QueuedMessage message;
        std::size_t unfinished = 0;
    };
    queue::Schedule& schedule_of(const Target& target) {
        return std::holds_alternative<MailboxTarget>(target) ? local_ : remote_;
    }
    void add(Entry& entry, std::size_t recipient, TimePoint due);
    Settled settle(Entry& entry, std::size_t recipient, Outcome outcome, const std::string& reply,
                   TimePoint now, const queue::Schedule& schedule);
    void finish_if_done(queue::QueueId id);

    mutable std::mutex mutex_;
    std::unordered_map<queue::QueueId, Entry, StrongHash<queue::QueueId>> entries_;
    queue::Schedule remote_;
    queue::Schedule local_;
};

// The key under which a recipient waits: a destination for remote ones, "local:MAILBOX" for others.
std::string schedule_key(const queue::QueuedRecipient& recipient);

}  // namespace sims::office
