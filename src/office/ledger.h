// What the journal must know of each mailbox before it is written, and what it may forget once a mailbox is
// synced (docs/formats/spool.md "Recovery"). One rule: no unsynced byte is appended to a mailbox whose clean
// length is not durable in the journal. Thread-safe; never blocks.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "queue/spool.h"
#include "store/mailbox_store.h"

namespace sims::office {

class Ledger {
public:
    struct Limits {
        static constexpr std::size_t clean_mailboxes_max =
            20'000;  // remembered; beyond, they are looked up again
    };

    // A message is about to be committed that will be appended to these mailboxes. Gives the notes that must
    // go with it; nothing when a mailbox is not known: learn() it first. On success each mailbox expects one
    // append, ended by appended() or given_up().
    std::optional<std::vector<queue::MailboxNote>> expect(const std::vector<store::MailboxPath>& mailboxes);
    std::vector<store::MailboxPath> unknown(const std::vector<store::MailboxPath>& mailboxes) const;
    // `clean` as the store says; nothing: it is dirty (then it has been noted before).
    void learn(const store::MailboxPath& mailbox, const std::optional<store::CleanLength>& clean);
    // The commit that carried the notes failed: they may not be in the journal.
    void commit_failed(const std::vector<store::MailboxPath>& mailboxes);

    // Asked right before an append.
    bool is_noted(const store::MailboxPath& mailbox) const;
    // A note written apart from a commit is durable.
    void noted(const store::MailboxPath& mailbox);
    // A message that waited is tried again: its append is expected, as by expect().
    void expect_again(const store::MailboxPath& mailbox);
    // Appended up to `end`, and the recipient's new state is to be recorded at the next checkpoint.
    void appended(const store::MailboxPath& mailbox, queue::Update mark, std::uint64_t end);
    void given_up(const store::MailboxPath& mailbox);

    // Checkpoint of one mailbox: takes its marks before the sync. All that we appended below `covered` is
    // among them or was before; nothing is known of an append under way.
    struct Marks {
        std::vector<queue::Update> updates;
        std::uint64_t covered = 0;
    };
    Marks take_marks(const store::MailboxPath& mailbox);
    void put_back(const store::MailboxPath& mailbox, std::vector<queue::Update> marks);
    // After the sync, once the journal has the marks: says what is to become of the note. `clean` nothing:
    // more was appended meanwhile. When nothing is under way the note is dead: then `forget_note` is called,
    // before anybody can ask for a new one.
    enum class AfterSync { clean, still_noted };
    AfterSync synced(const store::MailboxPath& mailbox, const std::optional<store::CleanLength>& clean,
                     const std::function<void()>& forget_note);
    // Mailboxes with marks.
    std::vector<store::MailboxPath> marked() const;

    // The mailbox is going to be rewritten, renamed or removed: its length means nothing until end_rewrite().
    // Meanwhile notes say "nothing is known to be whole". True: such a note must be durable first, for
    // appends under way.
    bool begin_rewrite(const store::MailboxPath& mailbox);
    void end_rewrite(const store::MailboxPath& mailbox);

private:
    struct Entry {
        std::optional<store::CleanLength> clean;  // known, and no note is in the journal
        bool is_noted = false;
        std::size_t expected = 0;  // committed, not yet appended
        bool is_being_rewritten = false;
        std::vector<queue::Update> marks;
        std::uint64_t covered = 0;  // the end of our last append
    };
    bool is_known(const store::MailboxPath& mailbox) const;
    void drop_if_unused(const store::MailboxPath& mailbox);

    mutable std::mutex mutex_;
    std::map<store::MailboxPath, Entry> entries_;
};

}  // namespace sims::office
