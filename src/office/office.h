// The post office as it is built: its parts and how they are wired. Private to this module; post_office.h is
// the door.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "office/book.h"
#include "office/expansion.h"
#include "office/ledger.h"
#include "office/local_delivery.h"
#include "office/notices.h"
#include "office/policy.h"
#include "office/post_office.h"
#include "office/quota.h"

namespace sims::office {

// A failure to take a message, as an answer to the client: temporary unless the message itself is at fault.
Refusal refusal_of(const Error& error);

queue::RetryRules rules_from(const directory::Settings& settings);

class Office final : public PostOffice {
public:
    Office(Parts parts, OfficeSettings settings, std::unique_ptr<Quota> quota,
           std::unique_ptr<Policy> policy);
    ~Office() override;

    // Mends mailboxes and takes up what waits. Once, before anything else.
    Result<> take_up(queue::Recovered recovered);

    std::optional<Refusal> judge_sender(const mail::Peer& peer,
                                        const mail::ReversePath& sender) const override {
        return policy_->judge_sender(peer, sender);
    }
    std::optional<Refusal> judge_recipient(const mail::Peer& peer, const mail::ReversePath&,
                                           const mail::Address& recipient) const override {
        return policy_->judge_recipient(peer, recipient);
    }
    route::Route route(const mail::Address& address) const override { return policy_->route(address); }
    bool may_relay(const mail::Peer& peer) const override { return policy_->may_relay(peer); }
    std::uint64_t message_bytes_max() const override {
        return static_cast<std::uint64_t>(parts_.directory.settings()->number("smtp", "message_size"));
    }

    Result<std::unique_ptr<Incoming>> receive(const mail::Peer& peer,
                                              const mail::Envelope& envelope) override;
    void accept(std::unique_ptr<Incoming> message, std::function<void(Accepted)> done) override;

    std::optional<RelayTask> next_relay() override;
    std::optional<RelayTask> next_relay_for(const std::string& destination) override;
    void relay_finished(RelayTask task, std::vector<RelayOutcome> outcomes,
                        queue::DestinationOutcome destination) override;
    std::optional<TimePoint> next_relay_due() const override { return book_.next_remote_due(parts_.clock()); }
    void on_relay_work(std::function<void()> wake) override {
        const std::lock_guard lock(wake_mutex_);
        wake_ = std::move(wake);
    }

    Result<std::unique_ptr<store::Maildrop>> open_maildrop(const directory::Account& account) override {
        return parts_.store.open_maildrop({account.mailbox()});
    }
    Result<> remove_messages(const directory::Account& account, std::unique_ptr<store::Maildrop> drop,
                             std::vector<std::size_t> numbers) override;

    Result<> add_account(const directory::AccountName& name, const directory::AccountChange& change) override;
    Result<> rename_account(const directory::AccountName& from, const directory::AccountName& to) override;
    Result<> remove_account(const directory::AccountName& name) override;
    Result<store::MailboxStatus> mailbox_status(const directory::Account& account) override {
        return parts_.store.status({account.mailbox()});
    }
    Result<> set_router_table(std::string_view text) override { return policy_->set_table(text); }

    std::vector<queue::QueuedMessage> queue() const override { return book_.all(); }
    Result<> retry(std::optional<queue::QueueId> id) override;
    Result<> hold(queue::QueueId id) override { return record(id, book_.hold(id)); }
    Result<> release(queue::QueueId id) override;
    Result<> remove(queue::QueueId id) override;
    Result<> checkpoint() override { return local_->checkpoint_all(); }

private:
    // A message between the end of its data and its answer.
    struct Commit {
        std::unique_ptr<queue::Draft> draft;
        mail::Peer peer;
        mail::Envelope envelope;
        queue::QueuedMessage message;
        std::vector<store::MailboxPath> mailboxes;
        std::function<void(Accepted)> done;
    };
    // What the sender is to be told, and what is to be recorded once that is durable.
    struct Notice {
        queue::QueuedMessage message;
        std::vector<Reported> reported;
        std::vector<queue::Update> updates;
    };
    void commit(std::shared_ptr<Commit> commit);
    void committed(const std::shared_ptr<Commit>& commit, Result<> result);
    std::optional<RelayTask> task_for(queue::Assignment assignment);
    void local_outcome(const LocalJob& job, Book::Outcome outcome, const std::string& reply);
    void record_and_tell(const queue::QueuedMessage& message,
                         const std::vector<std::optional<Book::Settled>>& settled,
                         const std::vector<std::size_t>& recipients);
    void tell(Notice notice);
    std::optional<std::chrono::milliseconds> housekeeping();
    std::vector<LocalJob> local_jobs(const std::vector<LocalDue>& due);
    void refresh_rules();
    void wake_relay() {
        const std::lock_guard lock(wake_mutex_);
        if (wake_) wake_();
    }
    Result<> record(queue::QueueId id, std::vector<queue::Update> changed) {
        if (changed.empty()) return nothing_waits(id);
        return wait_for_spool(
            [&](queue::Spool::Done then) { parts_.spool.update(std::move(changed), std::move(then)); });
    }
    static Error nothing_waits(queue::QueueId id) {
        return fail(Fault::not_found, "nothing of a message " + id.text() + " is in that state in the queue");
    }

    Parts parts_;
    OfficeSettings settings_;
    std::unique_ptr<Quota> quota_;
    std::unique_ptr<Policy> policy_;
    Expander expander_;
    std::mutex rules_mutex_;
    directory::SettingsPointer rules_for_;
    Book book_;
    Ledger ledger_;
    std::mutex notices_mutex_;
    std::vector<Notice> untold_;  // notices the spool could not take
    TimePoint next_notices_{};
    std::mutex wake_mutex_;
    std::function<void()> wake_;
    // The spool may be in the middle of its call when we leave: shared with the callback.
    struct Pressure {
        std::mutex mutex;
        LocalDelivery* local = nullptr;
    };
    std::shared_ptr<Pressure> pressure_ = std::make_shared<Pressure>();
    std::unique_ptr<LocalDelivery> local_;  // last: its threads use all of the above
};

}  // namespace sims::office
