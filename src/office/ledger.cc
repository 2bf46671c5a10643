#include "office/ledger.h"

#include "base/check.h"

namespace sims::office {

std::optional<std::vector<queue::MailboxNote>> Ledger::expect(
    const std::vector<store::MailboxPath>& mailboxes) {
    const std::lock_guard lock(mutex_);
    for (const auto& mailbox : mailboxes) {
        if (!is_known(mailbox)) return std::nullopt;
    }
    std::vector<queue::MailboxNote> notes;
    for (const auto& mailbox : mailboxes) {
        auto& entry = entries_[mailbox];
        if (!entry.is_noted) {
            const auto clean = entry.is_being_rewritten ? store::CleanLength{} : *entry.clean;
            notes.push_back({mailbox.relative, clean.length, clean.inode});
            entry.is_noted = true;
            entry.clean.reset();
        }
        ++entry.expected;
    }
    return notes;
}

std::vector<store::MailboxPath> Ledger::unknown(const std::vector<store::MailboxPath>& mailboxes) const {
    const std::lock_guard lock(mutex_);
    std::vector<store::MailboxPath> unknown;
    for (const auto& mailbox : mailboxes) {
        if (!is_known(mailbox)) unknown.push_back(mailbox);
    }
    return unknown;
}

void Ledger::learn(const store::MailboxPath& mailbox, const std::optional<store::CleanLength>& clean) {
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= Limits::clean_mailboxes_max) {
        std::erase_if(entries_, [](const auto& item) {
            return !item.second.is_noted && !item.second.is_being_rewritten && item.second.expected == 0 &&
                   item.second.marks.empty();
        });
    }
    auto& entry = entries_[mailbox];
    if (entry.is_noted) return;
    if (clean) {
        entry.clean = clean;
    } else {
        // Dirty by our own hand only, and we append to noted mailboxes only: the note is there.
        entry.is_noted = true;
    }
}

void Ledger::commit_failed(const std::vector<store::MailboxPath>& mailboxes) {
    const std::lock_guard lock(mutex_);
    for (const auto& mailbox : mailboxes) {
        auto& entry = entries_[mailbox];
        check(entry.expected > 0, "a failed commit ends an append that was expected");
        --entry.expected;
        entry.is_noted = false;
        entry.clean.reset();
        drop_if_unused(mailbox);
    }
}

bool Ledger::is_noted(const store::MailboxPath& mailbox) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(mailbox);
    return found != entries_.end() && found->second.is_noted;
}

void Ledger::noted(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    entry.is_noted = true;
    entry.clean.reset();
}

void Ledger::expect_again(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    ++entries_[mailbox].expected;
}

void Ledger::appended(const store::MailboxPath& mailbox, queue::Update mark, std::uint64_t end) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    check(entry.expected > 0, "an append nobody expected");
    --entry.expected;
    entry.marks.push_back(std::move(mark));
    entry.covered = end;
}

void Ledger::given_up(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    check(entry.expected > 0, "an append nobody expected");
    --entry.expected;
}

Ledger::Marks Ledger::take_marks(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(mailbox);
    if (found == entries_.end()) return {};
    return {std::exchange(found->second.marks, {}), found->second.covered};
}

void Ledger::put_back(const store::MailboxPath& mailbox, std::vector<queue::Update> marks) {
    const std::lock_guard lock(mutex_);
    auto& kept = entries_[mailbox].marks;
    kept.insert(kept.begin(), std::make_move_iterator(marks.begin()), std::make_move_iterator(marks.end()));
}

Ledger::AfterSync Ledger::synced(const store::MailboxPath& mailbox,
                                 const std::optional<store::CleanLength>& clean,
                                 const std::function<void()>& forget_note) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    if (!clean || entry.expected > 0 || !entry.marks.empty()) return AfterSync::still_noted;
    entry.is_noted = false;
    entry.clean = clean;
    forget_note();
    return AfterSync::clean;
}

std::vector<store::MailboxPath> Ledger::marked() const {
    const std::lock_guard lock(mutex_);
    std::vector<store::MailboxPath> mailboxes;
    for (const auto& [mailbox, entry] : entries_) {
        if (!entry.marks.empty()) mailboxes.push_back(mailbox);
    }
    return mailboxes;
}

bool Ledger::begin_rewrite(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    entry.is_being_rewritten = true;
    entry.clean.reset();
    entry.covered = 0;
    return entry.is_noted || entry.expected > 0;
}

void Ledger::end_rewrite(const store::MailboxPath& mailbox) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[mailbox];
    entry.is_being_rewritten = false;
    entry.clean.reset();
    entry.covered = 0;
    if (!entry.is_noted) drop_if_unused(mailbox);
}

bool Ledger::is_known(const store::MailboxPath& mailbox) const {
    const auto found = entries_.find(mailbox);
    return found != entries_.end() &&
           (found->second.is_noted || found->second.clean || found->second.is_being_rewritten);
}

void Ledger::drop_if_unused(const store::MailboxPath& mailbox) {
    const auto found = entries_.find(mailbox);
    if (found->second.expected == 0 && found->second.marks.empty()) entries_.erase(found);
}

}  // namespace sims::office
