// For tests of the SMTP driver: a post office that keeps what it accepts in memory and refuses when it is
// told to.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "office/post_office.h"

namespace sims::serve {

class OfficeForTests final : public office::PostOffice {
public:
    struct Message {
        mail::Peer peer;
        mail::Envelope envelope;
        std::string content;
    };
    struct Troubles {
        std::optional<office::Refusal> sender, recipient, message;
        std::optional<Error> receive, append;
        bool appends_block = false;
    } troubles;

    ~OfficeForTests() override {
        for (auto& thread : threads_) thread.join();
    }
    std::vector<Message> messages() const {
        const std::lock_guard lock(mutex_);
        return messages_;
    }
    int abandoned() const { return abandoned_; }
    int blocking_appends() const { return blocking_appends_; }

    std::optional<office::Refusal> judge_sender(const mail::Peer&, const mail::ReversePath&) const override {
        return troubles.sender;
    }
    std::optional<office::Refusal> judge_recipient(const mail::Peer&, const mail::ReversePath&,
                                                   const mail::Address& recipient) const override {
        if (recipient.local() == "nobody") return office::Refusal{550, "5.1.1 No such user"};
        return troubles.recipient;
    }
    bool may_relay(const mail::Peer&) const override { return false; }
    std::uint64_t message_bytes_max() const override { return 1 << 20; }

    Result<std::unique_ptr<office::Incoming>> receive(const mail::Peer& peer,
                                                      const mail::Envelope& envelope) override {
        if (troubles.receive) return *troubles.receive;
        return std::unique_ptr<office::Incoming>(new Draft(*this, Message{peer, envelope, {}}));
    }
    // On a thread of its own, as the spool does.
    void accept(std::unique_ptr<office::Incoming> incoming,
                std::function<void(office::Accepted)> done) override {
        auto& draft = static_cast<Draft&>(*incoming);
        draft.accepted = true;
        if (troubles.message) return done(*troubles.message);
        const std::lock_guard lock(mutex_);
        messages_.push_back(std::move(draft.message));
        threads_.emplace_back([done = std::move(done)] { done(queue::QueueId{{1}}); });
    }

    route::Route route(const mail::Address&) const override { unexpected(); }
    std::optional<office::RelayTask> next_relay() override { unexpected(); }
    std::optional<office::RelayTask> next_relay_for(const std::string&) override { unexpected(); }
    void relay_finished(office::RelayTask, std::vector<office::RelayOutcome>,
                        queue::DestinationOutcome) override {
        unexpected();
    }
    std::optional<TimePoint> next_relay_due() const override { unexpected(); }
    void on_relay_work(std::function<void()>) override { unexpected(); }
    Result<std::unique_ptr<store::Maildrop>> open_maildrop(const directory::Account&) override {
        unexpected();
    }
    Result<> remove_messages(const directory::Account&, std::unique_ptr<store::Maildrop>,
                             std::vector<std::size_t>) override {
        unexpected();
    }
    Result<> add_account(const directory::AccountName&, const directory::AccountChange&) override {
        unexpected();
    }
    Result<> rename_account(const directory::AccountName&, const directory::AccountName&) override {
        unexpected();
    }
    Result<> remove_account(const directory::AccountName&) override { unexpected(); }
    Result<store::MailboxStatus> mailbox_status(const directory::Account&) override { unexpected(); }
    Result<> set_router_table(std::string_view) override { unexpected(); }
    std::vector<queue::QueuedMessage> queue() const override { unexpected(); }
    Result<> retry(std::optional<queue::QueueId>) override { unexpected(); }
    Result<> hold(queue::QueueId) override { unexpected(); }
    Result<> release(queue::QueueId) override { unexpected(); }
    Result<> remove(queue::QueueId) override { unexpected(); }
    Result<> checkpoint() override { unexpected(); }

private:
    class Draft final : public office::Incoming {
    public:
        Draft(OfficeForTests& office, Message started) : message(std::move(started)), office_(office) {}
        ~Draft() override {
            if (!accepted) ++office_.abandoned_;
        }
        queue::QueueId id() const override { return {{1}}; }
        Result<> append(std::string_view bytes) override {
            if (office_.troubles.appends_block) {
                check(std::this_thread::get_id() != reactor_, "a blocking append on the reactor");
                ++office_.blocking_appends_;
            }
            if (office_.troubles.append) return *office_.troubles.append;
            message.content += bytes;
            return {};
        }
        bool next_append_blocks(std::size_t) const override { return office_.troubles.appends_block; }
        std::uint64_t size() const override { return message.content.size(); }

        Message message;
        bool accepted = false;

    private:
        OfficeForTests& office_;
        std::thread::id reactor_ = std::this_thread::get_id();
    };

    [[noreturn]] static void unexpected() {
        broken_invariant("the SMTP driver asked the office for something else", BOOST_CURRENT_LOCATION);
    }

    mutable std::mutex mutex_;
    std::vector<Message> messages_;
    std::vector<std::thread> threads_;
    std::atomic<int> abandoned_{0};
    std::atomic<int> blocking_appends_{0};
};

}  // namespace sims::serve
