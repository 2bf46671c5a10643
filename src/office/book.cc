#include "office/book.h"

#include "base/check.h"

namespace sims::office {

namespace {

// A mailbox held by another program is free again in seconds; a full disk takes longer.
queue::RetryRules local_rules(const queue::RetryRules& rules) {
    using namespace std::chrono_literals;
    queue::RetryRules local = rules;
    local.steps = {{1s, 60s}, {10s, 600s}, {60s, 86400s}, {600s, 0s}};
    local.destination_connections = 1;
    local.recipients_per_transaction = 1;
    return local;
}

Target target_of(const queue::QueuedRecipient& recipient) {
    auto target = parse_target(recipient.route);
    check(target.has_value(), "a queued recipient without a target");
    return *target;
}

}  // namespace

std::string schedule_key(const queue::QueuedRecipient& recipient) {
    const auto target = target_of(recipient);
    if (const auto* remote = std::get_if<RemoteTarget>(&target)) return destination_of(*remote);
    return "local:" + mailbox_of(std::get<MailboxTarget>(target).account).relative;
}

Book::Book(queue::RetryRules rules) : remote_(rules), local_(local_rules(rules)) {}

void Book::set_rules(const queue::RetryRules& rules) {
    const std::lock_guard lock(mutex_);
    remote_.set_rules(rules);
    local_.set_rules(local_rules(rules));
}

void Book::add(Entry& entry, std::size_t recipient, TimePoint due) {
    const auto& who = entry.message.recipients[recipient];
    schedule_of(target_of(who)).add(entry.message.id, recipient, schedule_key(who), due);
    if (who.state == queue::RecipientState::held)
        schedule_of(target_of(who)).hold(entry.message.id, recipient);
}

void Book::enter(const queue::QueuedMessage& message, TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[message.id];
    entry.message = message;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        ++entry.unfinished;
        if (std::holds_alternative<MailboxTarget>(target_of(message.recipients[i]))) {
            entry.message.recipients[i].state = queue::RecipientState::sending;
        } else {
            add(entry, i, now);
        }
    }
}

void Book::enter_recovered(const queue::QueuedMessage& message, TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto& entry = entries_[message.id];
    entry.message = message;
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
        auto& recipient = entry.message.recipients[i];
        if (recipient.state == queue::RecipientState::delivered ||
            recipient.state == queue::RecipientState::failed) {
            continue;
        }
        ++entry.unfinished;
        if (recipient.state == queue::RecipientState::sending)
            recipient.state = queue::RecipientState::waiting;
        add(entry, i, std::max(recipient.next, now));
    }
    finish_if_done(message.id);
}

std::optional<queue::QueuedMessage> Book::find(queue::QueueId id) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    return found->second.message;
}

std::vector<queue::QueuedMessage> Book::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<queue::QueuedMessage> messages;
    messages.reserve(entries_.size());
    for (const auto& [id, entry] : entries_) messages.push_back(entry.message);
    std::sort(messages.begin(), messages.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return messages;
}

Book::Settled Book::settle(Entry& entry, std::size_t recipient, Outcome outcome, const std::string& reply,
                           TimePoint now, const queue::Schedule& schedule) {
    auto& who = entry.message.recipients[recipient];
    Settled settled{who};
    ++who.attempts;
    who.last_reply = reply;
    switch (outcome) {
        case Outcome::delivered: who.state = queue::RecipientState::delivered; break;
        case Outcome::failed: who.state = queue::RecipientState::failed; break;
        case Outcome::deferred: {
            const auto again = schedule.retry_at(entry.message.received, who.attempts, now);
            who.state = again ? queue::RecipientState::waiting : queue::RecipientState::failed;
            who.next = again.value_or(now);
            if (again && !who.warned && schedule.warning_due(entry.message.received, now)) {
                who.warned = true;
                settled.warn = true;
            }
            break;
        }
    }
    if (who.state != queue::RecipientState::waiting) --entry.unfinished;
    settled.recipient = who;
    return settled;
}

void Book::finish_if_done(queue::QueueId id) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.unfinished == 0) entries_.erase(found);
}

std::optional<Book::Settled> Book::settle_local(LocalDue due, Outcome outcome, const std::string& reply,
                                                TimePoint now) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(due.id);
    if (found == entries_.end()) return std::nullopt;
    auto settled = settle(found->second, due.recipient, outcome, reply, now, local_);
    if (settled.recipient.state == queue::RecipientState::waiting) {
        add(found->second, due.recipient, settled.recipient.next);
    }
    finish_if_done(due.id);
    return settled;
}

std::vector<std::optional<Book::Settled>> Book::settle_remote(
    const queue::Assignment& assignment, const std::vector<Outcome>& outcomes,
    const std::vector<std::pair<std::string, std::string>>& words, queue::DestinationOutcome destination,
    TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::optional<Settled>> all(assignment.recipients.size());
    std::vector<queue::Schedule::Again> again;
    const auto found = entries_.find(assignment.id);
    if (found != entries_.end()) {
        for (std::size_t i = 0; i < assignment.recipients.size(); ++i) {
            const auto recipient = assignment.recipients[i];
            auto& who = found->second.message.recipients[recipient];
            if (who.state != queue::RecipientState::sending) continue;
            who.host = words[i].first;
            all[i] = settle(found->second, recipient, outcomes[i], words[i].second, now, remote_);
            if (who.state == queue::RecipientState::waiting) again.push_back({recipient, who.next});
        }
    }
    remote_.finished(assignment, again, destination, now);
    finish_if_done(assignment.id);
    return all;
}

std::optional<queue::Assignment> Book::next_remote(TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto assignment = remote_.next(now);
    if (assignment) {
        auto& entry = entries_.at(assignment->id);
        for (const auto i : assignment->recipients)
            entry.message.recipients[i].state = queue::RecipientState::sending;
    }
    return assignment;
}

std::optional<queue::Assignment> Book::next_remote_for(const std::string& destination, TimePoint now) {
    const std::lock_guard lock(mutex_);
    auto assignment = remote_.next_for(destination, now);
    if (assignment) {
        auto& entry = entries_.at(assignment->id);
        for (const auto i : assignment->recipients)
            entry.message.recipients[i].state = queue::RecipientState::sending;
    }
    return assignment;
}

std::optional<TimePoint> Book::next_remote_due(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return remote_.next_due(now);
}

std::optional<TimePoint> Book::next_local_due(TimePoint now) const {
    const std::lock_guard lock(mutex_);
    return local_.next_due(now);
}

std::vector<LocalDue> Book::take_local_due(TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::vector<LocalDue> due;
    while (auto assignment = local_.next(now)) {
        auto& entry = entries_.at(assignment->id);
        for (const auto i : assignment->recipients) {
            entry.message.recipients[i].state = queue::RecipientState::sending;
            due.push_back({assignment->id, i});
        }
        // The delivery thread puts back what must wait longer, by itself.
        local_.finished(*assignment, {}, queue::DestinationOutcome::reached, now);
    }
    return due;
}

std::vector<queue::Update> Book::hold(queue::QueueId id) {
    const std::lock_guard lock(mutex_);
    std::vector<queue::Update> changed;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return changed;
    for (std::size_t i = 0; i < found->second.message.recipients.size(); ++i) {
        auto& recipient = found->second.message.recipients[i];
        if (recipient.state != queue::RecipientState::waiting) continue;
        recipient.state = queue::RecipientState::held;
        schedule_of(target_of(recipient)).hold(id, i);
        changed.push_back({id, i, recipient});
    }
    return changed;
}

std::vector<queue::Update> Book::release(queue::QueueId id, TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::vector<queue::Update> changed;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return changed;
    for (std::size_t i = 0; i < found->second.message.recipients.size(); ++i) {
        auto& recipient = found->second.message.recipients[i];
        if (recipient.state != queue::RecipientState::held) continue;
        recipient.state = queue::RecipientState::waiting;
        recipient.next = now;
        schedule_of(target_of(recipient)).release(id, i, now);
        changed.push_back({id, i, recipient});
    }
    return changed;
}

std::vector<queue::Update> Book::retry(std::optional<queue::QueueId> id, TimePoint now) {
    const std::lock_guard lock(mutex_);
    std::vector<queue::Update> changed;
    for (auto& [key, entry] : entries_) {
        if (id && key != *id) continue;
        for (std::size_t i = 0; i < entry.message.recipients.size(); ++i) {
            auto& recipient = entry.message.recipients[i];
            if (recipient.state != queue::RecipientState::waiting) continue;
            auto& schedule = schedule_of(target_of(recipient));
            recipient.next = now;
            if (id) {
                schedule.remove(key, i);
                schedule.add(key, i, schedule_key(recipient), now);
                // A suspended destination is tried at once, too: the administrator knows better.
                schedule.retry_now(schedule_key(recipient), now);
            }
            changed.push_back({key, i, recipient});
        }
    }
    if (!id) {
        remote_.retry_now("", now);
        local_.retry_now("", now);
    }
    return changed;
}

std::optional<std::vector<queue::Update>> Book::remove(queue::QueueId id) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    std::vector<queue::Update> changed;
    for (std::size_t i = 0; i < found->second.message.recipients.size(); ++i) {
        auto& recipient = found->second.message.recipients[i];
        switch (recipient.state) {
            case queue::RecipientState::delivered:
            case queue::RecipientState::failed: continue;
            case queue::RecipientState::waiting:
            case queue::RecipientState::held: schedule_of(target_of(recipient)).remove(id, i); break;
            case queue::RecipientState::sending: break;
        }
        recipient.state = queue::RecipientState::failed;
        recipient.last_reply = "removed by an administrator";
        changed.push_back({id, i, recipient});
    }
    entries_.erase(found);
    return changed;
}

}  // namespace sims::office
