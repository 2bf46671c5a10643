// How much an account's mailbox may hold (SizeLimit). Who asks at RCPT is told from memory; what is delivered
// is measured. A message that does not fit waits; but one that finds the mailbox empty goes in whatever its
// size, for waiting would not make it fit.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>

#include "directory/directory.h"
#include "store/mailbox_store.h"

namespace sims::office {

// Nothing: no limit.
std::optional<std::uint64_t> mailbox_bytes_max(const directory::Account& account);

// What may still be written to one mailbox in one go.
class Room {
public:
    static Room without_end() { return Room(0, std::nullopt); }
    Room(std::uint64_t used, std::optional<std::uint64_t> bytes_max) : used_(used), bytes_max_(bytes_max) {}
    // Whether a message of that many bytes goes in; then it is counted.
    bool take(std::uint64_t bytes);

private:
    std::uint64_t used_;
    std::optional<std::uint64_t> bytes_max_;
};

// Thread-safe.
class Quota {
public:
    // Runs work soon, on a thread that may wait for the disk.
    using Later = std::function<void(std::function<void()>)>;
    explicit Quota(store::MailboxStore& store) : store_(store) {}
    // Once, before the first question. The work must be over when the quota goes.
    void look_on(Later later) { later_ = std::move(later); }

    // From what the store remembers, never blocks. A mailbox not seen of late is not full. Where the answer
    // may be wrong by now (unknown, or full: another program may have deleted mail) the mailbox is looked at
    // soon.
    bool is_full(const directory::Account& account);
    // Blocks. A mailbox that can't be looked at has room: the append will say what is wrong with it.
    Room room_in(const directory::Account& account);

private:
    void look_soon(store::MailboxPath mailbox);

    store::MailboxStore& store_;
    Later later_;
    std::mutex mutex_;
    std::set<store::MailboxPath> being_looked_at_;
};

}  // namespace sims::office
