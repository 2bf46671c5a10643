// The queue's other end: what goes to other servers, what is tried again, what is told to the sender.
#include "office/office.h"

namespace sims::office {

namespace {

constexpr std::chrono::seconds notice_retry{60};

}  // namespace

void Office::refresh_rules() {
    const auto settings = parts_.directory.settings();
    const std::lock_guard lock(rules_mutex_);
    if (rules_for_ == settings) return;
    rules_for_ = settings;
    book_.set_rules(rules_from(*settings));
}

std::optional<RelayTask> Office::next_relay() {
    const auto now = parts_.clock();
    refresh_rules();
    for (;;) {
        auto assignment = book_.next_remote(now);
        if (!assignment) return std::nullopt;
        if (auto task = task_for(std::move(*assignment))) return task;
    }
}

std::optional<RelayTask> Office::next_relay_for(const std::string& destination) {
    const auto now = parts_.clock();
    for (;;) {
        auto assignment = book_.next_remote_for(destination, now);
        if (!assignment) return std::nullopt;
        if (auto task = task_for(std::move(*assignment))) return task;
    }
}

std::optional<RelayTask> Office::task_for(queue::Assignment assignment) {
    const auto give_back = [&](const std::string& reply) {
        const std::vector<Book::Outcome> outcomes(assignment.recipients.size(), Book::Outcome::deferred);
        const std::vector<std::pair<std::string, std::string>> words(assignment.recipients.size(),
                                                                     {"", reply});
        const auto message = book_.find(assignment.id);
        const auto settled = book_.settle_remote(assignment, outcomes, words,
                                                 queue::DestinationOutcome::reached, parts_.clock());
        if (message) record_and_tell(*message, settled, assignment.recipients);
    };
    auto message = book_.find(assignment.id);
    if (!message) {
        give_back("");
        return std::nullopt;
    }
    auto content = parts_.spool.content(assignment.id);
    if (!content) {
        parts_.log.line(LogLevel::failures, Service::queue, assignment.id.text(), "office.content_unreadable",
                        "the content could not be read from the spool: {}", content.error().text);
        give_back("451 4.3.0 The message could not be read from the spool");
        return std::nullopt;
    }
    const auto target = parse_target(message->recipients[assignment.recipients.front()].route);
    const auto* remote = std::get_if<RemoteTarget>(&*target);
    check(remote != nullptr, "a mailbox among what goes to other servers");
    // A host that the Router names goes before the one that takes all the rest.
    const auto smart = parse_host(parts_.directory.settings()->text("smtp", "smart_host"));
    const auto& to = smart && remote->port == 0 ? *smart : *remote;
    std::vector<mail::Address> recipients;
    for (const auto i : assignment.recipients) recipients.push_back(message->recipients[i].address);
    return RelayTask{std::move(assignment), to.host, to.port, std::move(*message), std::move(recipients),
                     std::move(*content)};
}

void Office::relay_finished(RelayTask task, std::vector<RelayOutcome> outcomes,
                            queue::DestinationOutcome destination) {
    check(outcomes.size() == task.assignment.recipients.size(),
          "one outcome for each recipient of a relay task");
    std::vector<Book::Outcome> results;
    std::vector<std::pair<std::string, std::string>> words;
    for (auto& outcome : outcomes) {
        switch (outcome.result) {
            case RelayResult::delivered: results.push_back(Book::Outcome::delivered); break;
            case RelayResult::deferred: results.push_back(Book::Outcome::deferred); break;
            case RelayResult::failed: results.push_back(Book::Outcome::failed); break;
        }
        words.emplace_back(std::move(outcome.host), std::move(outcome.reply));
    }
    const auto settled = book_.settle_remote(task.assignment, results, words, destination, parts_.clock());
    record_and_tell(task.message, settled, task.assignment.recipients);
    wake_relay();
}

void Office::local_outcome(const LocalJob& job, Book::Outcome outcome, const std::string& reply) {
    const auto& message = job.rendering->message;
    const auto settled = book_.settle_local(job.due, outcome, reply, parts_.clock());
    if (outcome == Book::Outcome::delivered) {
        // Its mark is in the ledger and goes to the journal with the next checkpoint.
        parts_.log.line(LogLevel::major, Service::queue, job.due.id.text(), "queue.delivered",
                        "delivered to {}", job.target.account.text());
        return;
    }
    record_and_tell(message, {settled}, {job.due.recipient});
    local_->wake_housekeeping();
}

void Office::record_and_tell(const queue::QueuedMessage& message,
                             const std::vector<std::optional<Book::Settled>>& settled,
                             const std::vector<std::size_t>& recipients) {
    std::vector<queue::Update> at_once;
    std::vector<queue::Update> lazily;
    Notice notice{message, {}, {}};
    for (std::size_t i = 0; i < settled.size(); ++i) {
        if (!settled[i]) continue;  // removed by the administrator meanwhile
        const auto& recipient = settled[i]->recipient;
        queue::Update update{message.id, recipients[i], recipient};
        switch (recipient.state) {
            case queue::RecipientState::delivered:
                parts_.log.line(LogLevel::major, Service::queue, message.id.text(), "queue.relayed",
                                "delivered to <{}> by {}: {}", recipient.address.text(), recipient.host,
                                recipient.last_reply);
                at_once.push_back(std::move(update));
                break;
            case queue::RecipientState::failed:
                parts_.log.line(LogLevel::major, Service::queue, message.id.text(), "queue.failed",
                                "failed for <{}>{}{}: {}", recipient.address.text(),
                                recipient.host.empty() ? "" : " at ", recipient.host, recipient.last_reply);
                notice.reported.push_back({mail::FailedRecipient::Action::failed, recipient});
                notice.updates.push_back(std::move(update));
                break;
            case queue::RecipientState::waiting:
            case queue::RecipientState::held:
            case queue::RecipientState::sending:
                parts_.log.line(LogLevel::problems, Service::queue, message.id.text(), "queue.deferred",
                                "deferred for <{}>, attempt {}, next at {}: {}", recipient.address.text(),
                                recipient.attempts, rfc3339(recipient.next), recipient.last_reply);
                if (settled[i]->warn) {
                    notice.reported.push_back({mail::FailedRecipient::Action::delayed, recipient});
                    notice.updates.push_back(std::move(update));
                } else {
                    lazily.push_back(std::move(update));
                }
                break;
        }
    }
    if (!at_once.empty()) {
        parts_.spool.update(std::move(at_once), [this, id = message.id](Result<> done) {
            if (done) return;
            parts_.log.line(LogLevel::failures, Service::queue, id.text(), "spool.update_failed",
                            "a delivery could not be recorded, a restart may repeat it: {}",
                            done.error().text);
        });
    }
    if (!lazily.empty()) parts_.spool.update_lazily(std::move(lazily));
    if (!notice.reported.empty())
        local_->run([this, notice = std::move(notice)]() mutable { tell(std::move(notice)); });
}

void Office::tell(Notice notice) {
    // The notice is durable before the failure is: a crash between tells twice rather than never.
    if (notice.message.sender.is_null()) {
        parts_.log.line(LogLevel::problems, Service::queue, notice.message.id.text(), "queue.notice_dropped",
                        "a notice could not be delivered and has no sender to tell: dropped");
        parts_.spool.update_lazily(std::move(notice.updates));
        return;
    }
    const auto shared = std::make_shared<Notice>(std::move(notice));  // also held by the commit under way
    const auto later = [this, shared](const std::string& why) {
        parts_.log.line(LogLevel::failures, Service::queue, shared->message.id.text(), "queue.notice_failed",
                        "the notice to <{}> could not be written, tried again soon: {}",
                        shared->message.sender.text(), why);
        const std::lock_guard lock(notices_mutex_);
        untold_.push_back(std::move(*shared));
    };
    auto content = parts_.spool.content(shared->message.id);
    if (!content) return later(content.error().text);
    auto draft = parts_.spool.draft();
    if (!draft) return later(draft.error().text);
    const NoticeSource source{
        settings_.hostname, parts_.directory.main_domain(),
        std::chrono::seconds(parts_.directory.settings()->number("smtp", "return_after")), parts_.clock(),
        (*draft)->id().text()};
    if (auto added = (*draft)->append(make_notice(source, shared->message, **content, shared->reported));
        !added) {
        return later(added.error().text);
    }
    auto begun = std::make_shared<Commit>();  // passed along from thread to thread, one at a time
    begun->draft = std::move(*draft);
    begun->peer.hello = settings_.hostname;
    begun->envelope.recipients.push_back({*shared->message.sender.address});
    begun->envelope.smtputf8 = shared->message.smtputf8;
    begun->done = [this, shared, later](const Accepted& accepted) {
        if (const auto* refusal = std::get_if<Refusal>(&accepted)) {
            if (refusal->code < 500) return later(refusal->text);
            parts_.log.line(LogLevel::problems, Service::queue, shared->message.id.text(),
                            "queue.notice_dropped", "a notice has nowhere to go and is dropped: <{}>: {}",
                            shared->message.sender.text(), refusal->text);
        }
        parts_.spool.update_lazily(std::move(shared->updates));
    };
    commit(std::move(begun));
}

std::vector<LocalJob> Office::local_jobs(const std::vector<LocalDue>& due) {
    std::vector<LocalJob> jobs;
    for (const auto& one : due) {
        const auto message = book_.find(one.id);
        if (!message) continue;
        auto content = parts_.spool.content(one.id);
        if (!content) {
            const std::string reply =
                "451 4.3.0 The message could not be read from the spool: " + content.error().text;
            record_and_tell(*message,
                            {book_.settle_local(one, Book::Outcome::deferred, reply, parts_.clock())},
                            {one.recipient});
            continue;
        }
        const auto target = parse_target(message->recipients[one.recipient].route);
        ledger_.expect_again(mailbox_of(std::get<MailboxTarget>(*target).account));
        jobs.push_back({one,
                        std::get<MailboxTarget>(*target),
                        std::make_shared<const Rendering>(Rendering{*message, *content}),
                        {}});
    }
    return jobs;
}

std::optional<std::chrono::milliseconds> Office::housekeeping() {
    refresh_rules();
    const auto now = parts_.clock();
    if (auto jobs = local_jobs(book_.take_local_due(now)); !jobs.empty()) local_->deliver(std::move(jobs));
    std::vector<Notice> untold;
    {
        const std::lock_guard lock(notices_mutex_);
        if (!untold_.empty() && now >= next_notices_) {
            untold.swap(untold_);
            next_notices_ = now + notice_retry;
        }
    }
    for (auto& notice : untold) {
        local_->run([this, notice = std::move(notice)]() mutable { tell(std::move(notice)); });
    }
    std::optional<TimePoint> again = book_.next_local_due(now);
    {
        const std::lock_guard lock(notices_mutex_);
        if (!untold_.empty()) again = std::min(again.value_or(next_notices_), next_notices_);
    }
    if (!again) return std::nullopt;
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(*again - now),
                    std::chrono::milliseconds(10));
}

Result<> Office::retry(std::optional<queue::QueueId> id) {
    auto changed = book_.retry(id, parts_.clock());
    if (changed.empty() && id) return nothing_waits(*id);
    parts_.spool.update_lazily(std::move(changed));
    local_->wake_housekeeping();
    wake_relay();
    return {};
}

Result<> Office::release(queue::QueueId id) {
    auto done = record(id, book_.release(id, parts_.clock()));
    local_->wake_housekeeping();
    wake_relay();
    return done;
}

Result<> Office::remove(queue::QueueId id) {
    auto changed = book_.remove(id);
    if (!changed) return nothing_waits(id);
    return wait_for_spool([&](queue::Spool::Done then) { parts_.spool.update(*changed, std::move(then)); });
}

}  // namespace sims::office
