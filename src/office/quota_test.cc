#include "office/quota.h"

#include <thread>

#include "office/office_fixture.h"

namespace sims::office {
namespace {

class QuotaTest : public OfficeFixture {
protected:
    void limit(const std::string& name, std::int64_t kbytes) {
        directory::AccountChange change;
        change.size_limit_kbytes = kbytes;
        ASSERT_TRUE(directory_->change({name, {}}, change));
    }
    // The answer to RCPT from a stranger; empty: welcome.
    std::string answer(const std::string& recipient) {
        mail::Peer peer;
        peer.address = "192.0.2.1";
        const auto refusal = office_->judge_recipient(peer, {}, address(recipient));
        return refusal ? std::to_string(refusal->code) + " " + refusal->text : "";
    }
    // The answer once what it started has been looked at.
    std::string answer_after_a_look(const std::string& recipient) {
        (void)answer(recipient);
        // What the delivery thread does first, it has done when a message behind it is answered.
        EXPECT_TRUE(is_accepted(send(envelope("", {"other@example.org"}), "Subject: x\r\n\r\n")));
        return answer(recipient);
    }
    bool send_of_size(std::size_t bytes) {
        return is_accepted(
            send(envelope("ann@example.net", {"joe@example.org"}), "Subject: x\r\n\r\n" + lines(bytes)));
    }
    static std::string lines(std::size_t bytes) {
        std::string text;
        while (text.size() < bytes) text += std::string(62, 'x') + "\r\n";
        return text;
    }
    std::uint64_t mailbox_size() { return files_.stat("/base/Accounts/joe")->size; }

    void begin() {
        open();
        add_account("joe");
        add_account("other");
    }
};

TEST(Room, IsTakenUpToTheLimit) {
    Room room(10, 100);
    EXPECT_FALSE(room.take(91));
    EXPECT_TRUE(room.take(80));
    EXPECT_TRUE(room.take(10));
    EXPECT_FALSE(room.take(1));
    EXPECT_FALSE(Room(101, 100).take(1));
    EXPECT_FALSE(Room(1, 100).take(UINT64_MAX));
    EXPECT_TRUE(Room::without_end().take(UINT64_MAX));
    Room empty(0, 100);
    EXPECT_TRUE(empty.take(1000)) << "it would never fit better";
    EXPECT_FALSE(empty.take(1));
}

TEST_F(QuotaTest, AFullMailboxIsToldAtRcpt) {
    begin();
    limit("joe", 4);
    EXPECT_EQ(answer("joe@example.org"), "");
    ASSERT_TRUE(send_of_size(5000));
    EXPECT_EQ(mailbox("joe").size(), 1U);
    EXPECT_EQ(answer("joe@example.org"), "452 4.2.2 Mailbox full");
    EXPECT_EQ(answer("other@example.org"), "");
    // The limit is what the directory says now.
    limit("joe", 100);
    EXPECT_EQ(answer("joe@example.org"), "");
    limit("joe", 4);
    EXPECT_EQ(answer("joe@example.org"), "452 4.2.2 Mailbox full");
    remove_all("joe");
    EXPECT_EQ(answer("joe@example.org"), "");
}

TEST_F(QuotaTest, NoLimitIsNoLimit) {
    begin();
    for (const auto* text : {"0", "-1"}) {
        directory::AccountChange change;
        ASSERT_TRUE(directory::apply_attribute(change, "SizeLimit", text));
        ASSERT_TRUE(directory_->change({"joe", {}}, change));
        ASSERT_TRUE(send_of_size(20'000));
        EXPECT_EQ(answer("joe@example.org"), "");
    }
    EXPECT_EQ(mailbox("joe").size(), 2U);
}

TEST_F(QuotaTest, WhatDoesNotFitWaitsUntilItDoes) {
    begin();
    limit("joe", 10);
    ASSERT_TRUE(send_of_size(6000));
    ASSERT_TRUE(send_of_size(6000));  // there was room when it was asked
    const auto waiting = office_->queue();
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].recipients[0].state, queue::RecipientState::waiting);
    EXPECT_EQ(waiting[0].recipients[0].last_reply, "452 4.2.2 Mailbox full");
    EXPECT_EQ(mailbox("joe").size(), 1U);
    ASSERT_TRUE(send_of_size(1000)) << "a small one still fits";
    EXPECT_EQ(mailbox("joe").size(), 2U);
    remove_all("joe");
    ASSERT_TRUE(office_->retry(std::nullopt));
    for (int i = 0; i < 500 && !office_->queue().empty(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(office_->queue().empty());
    EXPECT_EQ(mailbox("joe").size(), 1U);
}

TEST_F(QuotaTest, TheLimitHoldsWhenManySendAtOnce) {
    begin();
    limit("joe", 50);
    std::vector<std::future<void>> senders;
    for (int i = 0; i < 4; ++i) {
        senders.push_back(std::async(std::launch::async, [this] {
            for (int j = 0; j < 10; ++j) EXPECT_TRUE(send_of_size(3000));
        }));
    }
    for (auto& sender : senders) sender.get();
    EXPECT_LE(mailbox_size(), 50U * 1024);
    EXPECT_GT(mailbox_size(), 45U * 1024);
    EXPECT_EQ(mailbox("joe").size() + office_->queue().size(), 40U) << "none is lost";
}

TEST_F(QuotaTest, AMailboxNotSeenYetIsLookedAtForTheNextTime) {
    begin();
    limit("joe", 4);
    ASSERT_TRUE(send_of_size(5000));
    close();
    open();
    EXPECT_EQ(answer("joe@example.org"), "");
    EXPECT_EQ(answer_after_a_look("joe@example.org"), "452 4.2.2 Mailbox full");
}

TEST_F(QuotaTest, RoomThatAnotherProgramMadeIsFound) {
    begin();
    limit("joe", 4);
    ASSERT_TRUE(send_of_size(5000));
    ASSERT_EQ(answer("joe@example.org"), "452 4.2.2 Mailbox full");
    ASSERT_TRUE((*files_.open("/base/Accounts/joe", os::Open::read_write))->truncate(0));
    EXPECT_EQ(answer_after_a_look("joe@example.org"), "");
}

}  // namespace
}  // namespace sims::office
