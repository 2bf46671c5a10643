#include "office/local_delivery.h"

#include <future>
#include <map>

#include "mail/mbox.h"

namespace sims::office {

Result<> wait_for_spool(const std::function<void(queue::Spool::Done)>& start) {
    // Shared with the callback, which may run after a failed wait elsewhere has long returned.
    auto promise = std::make_shared<std::promise<Result<>>>();
    auto future = promise->get_future();
    start([promise](Result<> result) { promise->set_value(std::move(result)); });
    return future.get();
}

Result<std::string> render_for(const queue::QueuedMessage& message, std::size_t recipient,
                               const MailboxTarget& target, const queue::ContentPointer& content) {
    std::string trace;
    if (target.real_to) {
        const auto& who = message.recipients[recipient];
        trace = "X-Real-To: <" + (who.original.empty() ? who.address.text() : who.original) + ">\r\n";
    }
    const auto received = accepted_at(message.id);
    if (const auto whole = content->in_memory())
        return mail::mbox_render(message.sender, received, trace, *whole);
    auto wire = content->read(0, content->size());
    if (!wire) return wire.error();
    if (wire->size() != content->size())
        return fail(Fault::corrupt, "the content in the spool is shorter than noted");
    return mail::mbox_render(message.sender, received, trace, *wire);
}

LocalDelivery::LocalDelivery(Parts parts, std::chrono::milliseconds checkpoint_interval, LocalOutcome outcome,
                             Housekeeping housekeeping)
    : parts_(parts),
      checkpoint_interval_(checkpoint_interval),
      outcome_(std::move(outcome)),
      housekeeping_(std::move(housekeeping)) {
    delivery_thread_ = std::thread([this] { delivery_loop(); });
    housekeeping_thread_ = std::thread([this] { housekeeping_loop(); });
}

LocalDelivery::~LocalDelivery() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    work_.notify_all();
    tick_.notify_all();
    delivery_thread_.join();
    housekeeping_thread_.join();
    if (auto done = checkpoint_all(); !done) {
        parts_.log.line(LogLevel::failures, Service::server, "", "office.checkpoint_failed",
                        "the last checkpoint failed, the journal keeps what it covers: {}",
                        done.error().text);
    }
}

void LocalDelivery::deliver(std::vector<LocalJob> jobs) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.insert(jobs_.end(), std::make_move_iterator(jobs.begin()), std::make_move_iterator(jobs.end()));
    }
    work_.notify_one();
}

void LocalDelivery::run(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(work));
    }
    work_.notify_one();
}

void LocalDelivery::delivery_loop() {
    for (;;) {
        std::vector<LocalJob> jobs;
        std::vector<std::function<void()>> tasks;
        {
            std::unique_lock lock(mutex_);
            work_.wait(lock, [this] { return stopping_ || !jobs_.empty() || !tasks_.empty(); });
            if (jobs_.empty() && tasks_.empty()) return;
            jobs.swap(jobs_);
            tasks.swap(tasks_);
        }
        for (const auto& task : tasks) task();
        // Stable: messages of one mailbox keep the order of their promises.
        std::map<std::string, std::vector<LocalJob*>> groups;
        for (auto& job : jobs) groups[mailbox_of(job.target.account).relative].push_back(&job);
        for (const auto& [mailbox, group] : groups) {
            deliver_group(group);
            // Clients are answered mailbox by mailbox, not after the slowest.
            for (auto* job : group) job->on_last.reset();
        }
    }
}

void LocalDelivery::deliver_group(const std::vector<LocalJob*>& group) {
    const auto& name = group.front()->target.account;
    const auto account = parts_.directory.find(name);
    const auto mailbox = mailbox_of(name);
    std::vector<LocalJob*> batch;
    std::vector<std::string> rendered;
    std::uint64_t bytes = 0;
    Room room = account ? parts_.quota.room_in(*account) : Room::without_end();
    const auto write = [&] {
        if (!batch.empty()) append(mailbox, batch, rendered);
        batch.clear();
        rendered.clear();
        bytes = 0;
    };
    for (auto* job : group) {
        const auto give_up = [&](Book::Outcome outcome, const std::string& reply) {
            parts_.ledger.given_up(mailbox);
            outcome_(*job, outcome, reply);
        };
        if (!account) {
            give_up(Book::Outcome::failed, "550 5.1.1 The account was removed");
            continue;
        }
        auto text =
            render_for(job->rendering->message, job->due.recipient, job->target, job->rendering->content);
        if (!text) {
            parts_.log.line(LogLevel::failures, Service::queue, job->due.id.text(),
                            "office.content_unreadable", "the content could not be read from the spool: {}",
                            text.error().text);
            give_up(Book::Outcome::deferred, "451 4.3.0 The message could not be read from the spool");
            continue;
        }
        if (!room.take(text->size())) {
            give_up(Book::Outcome::deferred, "452 4.2.2 Mailbox full");
            continue;
        }
        if (bytes + text->size() > Limits::write_bytes_max) write();
        bytes += text->size();
        batch.push_back(job);
        rendered.push_back(std::move(*text));
    }
    write();
}

Result<> LocalDelivery::make_noted(const store::MailboxPath& mailbox) {
    if (parts_.ledger.is_noted(mailbox)) return {};
    auto clean = parts_.store.clean_length(mailbox);
    if (!clean) return clean.error();
    if (*clean) {
        const std::vector<queue::MailboxNote> notes{{mailbox.relative, (*clean)->length, (*clean)->inode}};
        auto done =
            wait_for_spool([&](queue::Spool::Done then) { parts_.spool.note(notes, std::move(then)); });
        if (!done) return done;
    }
    parts_.ledger.noted(mailbox);
    return {};
}

void LocalDelivery::append(const store::MailboxPath& mailbox, const std::vector<LocalJob*>& jobs,
                           const std::vector<std::string>& rendered) {
    const std::vector<std::string_view> pieces(rendered.begin(), rendered.end());
    auto noted = make_noted(mailbox);
    Result<> result = noted;
    std::unique_lock lock(appending_);
    std::vector<store::Appended> places;
    if (noted) {
        if (auto appended = parts_.store.append(mailbox, pieces)) {
            places = std::move(*appended);
        } else {
            result = appended.error();
        }
    }
    if (!result) {
        const auto temporary = is_temporary(result.error().fault) || result.error().fault == Fault::refused ||
                               result.error().fault == Fault::not_found;
        parts_.log.line(result.error().fault == Fault::busy ? LogLevel::problems : LogLevel::failures,
                        Service::queue, jobs.front()->due.id.text(), "office.append_failed",
                        "{} could not be written, {} message(s) wait: {}", mailbox.relative, jobs.size(),
                        result.error().text);
        for (const auto* job : jobs) {
            parts_.ledger.given_up(mailbox);
            if (temporary) {
                outcome_(*job, Book::Outcome::deferred,
                         result.error().fault == Fault::busy
                             ? "452 4.2.0 The mailbox is in use by another program"
                             : "452 4.3.0 The mailbox can't be written now");
            } else {
                // The log has the cause: paths are none of the sender's business.
                outcome_(*job, Book::Outcome::failed, "554 5.3.0 The mailbox can't be written");
            }
        }
        return;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        const auto& due = jobs[i]->due;
        auto recipient = jobs[i]->rendering->message.recipients[due.recipient];
        recipient.state = queue::RecipientState::delivered;
        recipient.last_reply = "250 2.0.0 delivered";
        parts_.ledger.appended(mailbox, {due.id, due.recipient, std::move(recipient)},
                               places[i].offset + rendered[i].size());
    }
    lock.unlock();
    for (const auto* job : jobs) outcome_(*job, Book::Outcome::delivered, "250 2.0.0 delivered");
    const std::lock_guard tick(mutex_);
    if (!dirty_) tick_.notify_one();
    dirty_ = true;
}

// In this order in the journal: marks, then the death of the note; and no new note may come between the
// decision that the old one is dead and the journal's hearing of it.
Result<> LocalDelivery::checkpoint_one(const store::MailboxPath& mailbox, Marks how) {
    auto taken = [&] {
        const std::lock_guard lock(appending_);
        return parts_.ledger.take_marks(mailbox);
    }();
    auto& marks = taken.updates;
    auto length = parts_.store.sync(mailbox);
    if (!length) {
        parts_.ledger.put_back(mailbox, std::move(marks));
        return length.error();
    }
    if (how == Marks::lazily) {
        parts_.spool.update_lazily(std::move(marks));
    } else if (!marks.empty()) {
        auto known =
            wait_for_spool([&](queue::Spool::Done then) { parts_.spool.update(marks, std::move(then)); });
        if (!known) {
            parts_.ledger.put_back(mailbox, std::move(marks));
            return known;
        }
    }
    auto clean = parts_.store.clean_length(mailbox);
    const auto after = parts_.ledger.synced(mailbox, clean ? *clean : std::nullopt, [&] {
        const std::string name = mailbox.relative;
        parts_.spool.mailboxes_synced({&name, 1});
    });
    switch (after) {
        case Ledger::AfterSync::clean: break;
        case Ledger::AfterSync::still_noted:
            // A newer note frees the segment that holds the old one.
            parts_.spool.note({{mailbox.relative, std::min(taken.covered, length->length), length->inode}},
                              [](Result<>) {});
            break;
    }
    return {};
}

Result<> LocalDelivery::checkpoint(const store::MailboxPath& mailbox) {
    const std::lock_guard alone(checkpointing_);
    return checkpoint_one(mailbox, Marks::durably);
}

Result<> LocalDelivery::checkpoint_and(const store::MailboxPath& mailbox,
                                       const std::function<Result<>()>& rewrite) {
    const std::lock_guard alone(checkpointing_);
    if (auto done = checkpoint_one(mailbox, Marks::durably); !done) return done;
    Result<> result;
    if (parts_.ledger.begin_rewrite(mailbox)) {
        const std::vector<queue::MailboxNote> notes{{mailbox.relative, 0, 0}};
        result = wait_for_spool([&](queue::Spool::Done then) { parts_.spool.note(notes, std::move(then)); });
    }
    if (result) result = rewrite();
    parts_.ledger.end_rewrite(mailbox);
    return result;
}

Result<> LocalDelivery::checkpoint_all() {
    const std::lock_guard alone(checkpointing_);
    {
        const std::lock_guard lock(mutex_);
        dirty_ = false;
    }
    Result<> first_failure;
    for (const auto& mailbox : parts_.ledger.marked()) {
        auto done = checkpoint_one(mailbox, Marks::lazily);
        if (done) continue;
        parts_.log.line(LogLevel::failures, Service::server, "", "office.sync_failed",
                        "{} could not be synced, tried again soon: {}", mailbox.relative, done.error().text);
        first_failure = done;
        const std::lock_guard lock(mutex_);
        dirty_ = true;
    }
    return first_failure;
}

void LocalDelivery::wake_housekeeping() {
    {
        const std::lock_guard lock(mutex_);
        tick_wanted_ = true;
    }
    tick_.notify_one();
}

void LocalDelivery::housekeeping_loop() {
    std::unique_lock lock(mutex_);
    std::optional<std::chrono::milliseconds> look_again;
    while (!stopping_) {
        // Asleep while nothing is dirty and nothing waits: an idle server does not wake up.
        const auto wanted = [this] { return stopping_ || dirty_ || tick_wanted_; };
        if (look_again) {
            tick_.wait_for(lock, *look_again, wanted);
        } else {
            tick_.wait(lock, wanted);
        }
        if (dirty_ && !tick_wanted_) {
            tick_.wait_for(lock, checkpoint_interval_, [this] { return stopping_ || tick_wanted_; });
        }
        tick_wanted_ = false;
        const auto was_dirty = dirty_;
        lock.unlock();
        if (was_dirty) (void)checkpoint_all();  // logged where it failed
        look_again = housekeeping_();
        lock.lock();
    }
}

}  // namespace sims::office
