#include <map>
#include <thread>

#include "office/office_fixture.h"

namespace sims::office {

std::string OfficeFixture::read_message(store::Maildrop& drop, std::size_t number) {
    store::Maildrop::Reading reading;
    reading.number = number;
    std::string text;
    for (;;) {
        const auto more = drop.read(reading, 64 * 1024, text);
        EXPECT_TRUE(more) << (more ? "" : more.error().text);
        if (!more || !*more) return text;
    }
}

namespace {

using Office_ = OfficeFixture;

const std::string letter = "Subject: hello\r\n\r\nFrom here to there.\r\n.\r\n";

RelayOutcome outcome(RelayResult result, std::string reply) {
    return {result, "mx.example.net [192.0.2.9]", reply};
}

TEST_F(Office_, LocalMailCanBeReadWhenTheClientHearsIt) {
    open();
    add_account("joe");
    ASSERT_TRUE(is_accepted(send(envelope("ann@example.net", {"JOE@example.org"}), letter)));
    const auto messages = mailbox("joe");
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].rfind("Return-Path: <ann@example.net>\r\nReceived: from client.example", 0), 0U)
        << messages[0];
    EXPECT_EQ(messages[0].substr(messages[0].size() - letter.size()), letter);
    EXPECT_TRUE(office_->queue().empty());
}

TEST_F(Office_, OneMessageToManyMailboxesComesOnceToEach) {
    open();
    std::vector<std::string> recipients;
    for (int i = 0; i < 50; ++i) {
        add_account("user" + std::to_string(i));
        recipients.push_back("user" + std::to_string(i) + "@example.org");
    }
    recipients.push_back("user7@example.org");  // named twice
    ASSERT_TRUE(is_accepted(send(envelope("", recipients), letter)));
    for (int i = 0; i < 50; ++i) EXPECT_EQ(mailbox("user" + std::to_string(i)).size(), 1U) << i;
}

TEST_F(Office_, StrangersMayNotRelay) {
    open();
    mail::Peer stranger;
    stranger.address = "192.0.2.1";
    const mail::ReversePath sender{address("a@example.net")};
    const auto refusal = office_->judge_recipient(stranger, sender, address("victim@example.com"));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->code, 550);
    EXPECT_EQ(refusal->text.substr(0, 5), "5.7.1");
    ASSERT_TRUE(directory_->set_settings("smtp", {{"client_hosts", "192.0.2.0/24"}}));
    EXPECT_FALSE(office_->judge_recipient(stranger, sender, address("victim@example.com")));
    stranger.address = "192.0.3.1";
    EXPECT_TRUE(office_->judge_recipient(stranger, sender, address("victim@example.com")));
}

TEST_F(Office_, BlackListedHostsReachPostmasterOnly) {
    open();
    add_account("joe");
    add_account("Postmaster");
    ASSERT_TRUE(directory_->set_settings("smtp", {{"black_list", "192.0.2.0-192.0.2.99"}}));
    mail::Peer peer;
    peer.address = "192.0.2.7";
    const auto refusal = office_->judge_recipient(peer, {}, address("joe@example.org"));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->text.rfind("5.7.1 Your address 192.0.2.7 is on the black list", 0), 0U);
    EXPECT_FALSE(office_->judge_recipient(peer, {}, address("postmaster@example.org")));
    EXPECT_FALSE(office_->judge_recipient(peer, {}, address("Abuse@example.org")));
    EXPECT_TRUE(office_->judge_recipient(peer, {}, address("postmaster@example.com")));
    // Our own users are never strangers, and a login proves who it is.
    peer.account = "joe";
    EXPECT_FALSE(office_->judge_recipient(peer, {}, address("joe@example.org")));
    peer.account.clear();
    ASSERT_TRUE(directory_->set_settings("smtp", {{"client_hosts", "192.0.2.7"}}));
    EXPECT_FALSE(office_->judge_recipient(peer, {}, address("joe@example.org")));
}

TEST_F(Office_, ASmartHostTakesWhatTheRouterDoesNotPlace) {
    open();
    ASSERT_TRUE(directory_->set_settings("smtp", {{"smart_host", "relay.example.net:2525"}}));
    ASSERT_TRUE(office_->set_router_table("example.com = mx.example.com:26.smtp\n"));
    ASSERT_TRUE(
        is_accepted(send(envelope("joe@example.org", {"ann@example.net", "bob@example.com"}), letter)));
    std::map<std::string, std::pair<std::string, int>> hosts;
    while (const auto task = office_->next_relay()) {
        hosts[task->recipients.front().text()] = {task->host, task->port};
    }
    EXPECT_EQ(hosts["ann@example.net"], (std::pair<std::string, int>{"relay.example.net", 2525}));
    EXPECT_EQ(hosts["bob@example.com"], (std::pair<std::string, int>{"mx.example.com", 26}));
}

TEST_F(Office_, UnknownNamesAreRefused) {
    open();
    mail::Peer peer;
    const auto refusal = office_->judge_recipient(peer, {}, address("nobody@example.org"));
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->text.substr(0, 5), "5.1.1");
}

TEST_F(Office_, ALoopIsRefused) {
    open();
    add_account("joe");
    std::string looped;
    for (int i = 0; i < 60; ++i) looped += "Received: from a by b; Sun, 22 Nov 2026 21:26:11 +0000\r\n";
    const auto accepted = send(envelope("", {"joe@example.org"}), looped + letter);
    ASSERT_FALSE(is_accepted(accepted));
    EXPECT_EQ(std::get<Refusal>(accepted).text.substr(0, 5), "5.4.6");
}

TEST_F(Office_, RemoteMailIsHandedToTheRunnerAndForgottenWhenDelivered) {
    open();
    ASSERT_TRUE(
        is_accepted(send(envelope("joe@example.org", {"ann@example.net", "bob@example.net"}), letter)));
    auto task = office_->next_relay();
    ASSERT_TRUE(task);
    EXPECT_EQ(task->host, "example.net");
    ASSERT_EQ(task->recipients.size(), 2U);
    ASSERT_FALSE(office_->next_relay());
    EXPECT_EQ(office_->queue().front().recipients[0].state, queue::RecipientState::sending);
    office_->relay_finished(
        std::move(*task),
        {outcome(RelayResult::delivered, "250 2.0.0 Ok"), outcome(RelayResult::delivered, "250 2.0.0 Ok")},
        queue::DestinationOutcome::reached);
    EXPECT_TRUE(office_->queue().empty());
    close();
    open();
    EXPECT_TRUE(office_->queue().empty());
}

TEST_F(Office_, WhatIsDeferredIsTriedAgainInTimeAlsoAfterARestart) {
    open();
    ASSERT_TRUE(is_accepted(send(envelope("joe@example.org", {"ann@example.net"}), letter)));
    auto task = office_->next_relay();
    ASSERT_TRUE(task);
    office_->relay_finished(std::move(*task), {outcome(RelayResult::deferred, "450 4.2.0 Greylisted")},
                            queue::DestinationOutcome::reached);
    EXPECT_FALSE(office_->next_relay());
    close();
    open();
    const auto waiting = office_->queue();
    ASSERT_EQ(waiting.size(), 1U);
    EXPECT_EQ(waiting[0].recipients[0].attempts, 1U);
    EXPECT_EQ(waiting[0].recipients[0].last_reply, "450 4.2.0 Greylisted");
    EXPECT_FALSE(office_->next_relay());
    pass(std::chrono::minutes(6));
    task = office_->next_relay();
    ASSERT_TRUE(task);
    const auto content = task->content->read(0, task->content->size());
    ASSERT_TRUE(content);
    EXPECT_NE(content->find(letter), std::string::npos);
}

TEST_F(Office_, AFailureIsToldToTheSender) {
    open();
    add_account("joe");
    ASSERT_TRUE(
        is_accepted(send(envelope("joe@example.org", {"ann@example.net", "bob@example.net"}), letter)));
    auto task = office_->next_relay();
    ASSERT_TRUE(task);
    office_->relay_finished(std::move(*task),
                            {outcome(RelayResult::failed, "550 5.1.1 No such user"),
                             outcome(RelayResult::delivered, "250 2.0.0 Ok")},
                            queue::DestinationOutcome::reached);
    std::vector<std::string> messages;
    for (int i = 0; i < 1000 && messages.empty(); ++i) {
        messages = mailbox("joe");
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].rfind("Return-Path: <>\r\n", 0), 0U);
    EXPECT_NE(messages[0].find("550 5.1.1 No such user"), std::string::npos);
    EXPECT_NE(messages[0].find("rfc822; ann@example.net"), std::string::npos);
    EXPECT_EQ(messages[0].find("bob@example.net"), std::string::npos);
    EXPECT_NE(messages[0].find("Subject: hello"), std::string::npos);
}

TEST_F(Office_, ANoticeThatFailsIsNotAnsweredByAnother) {
    open();
    ASSERT_TRUE(is_accepted(send(envelope("", {"ann@example.net"}), letter)));
    auto task = office_->next_relay();
    ASSERT_TRUE(task);
    office_->relay_finished(std::move(*task), {outcome(RelayResult::failed, "550 5.1.1 No such user")},
                            queue::DestinationOutcome::reached);
    ASSERT_TRUE(office_->checkpoint());
    EXPECT_TRUE(office_->queue().empty());
    EXPECT_FALSE(office_->next_relay());
}

TEST_F(Office_, HeldMailWaitsForItsRelease) {
    open();
    ASSERT_TRUE(is_accepted(send(envelope("joe@example.org", {"ann@example.net"}), letter)));
    const auto id = office_->queue().front().id;
    ASSERT_TRUE(office_->hold(id));
    EXPECT_FALSE(office_->next_relay());
    close();
    open();
    EXPECT_FALSE(office_->next_relay());
    EXPECT_EQ(office_->queue().front().recipients[0].state, queue::RecipientState::held);
    ASSERT_TRUE(office_->release(id));
    EXPECT_TRUE(office_->next_relay());
}

TEST_F(Office_, RemovedMailIsGoneForEver) {
    open();
    ASSERT_TRUE(is_accepted(send(envelope("joe@example.org", {"ann@example.net"}), letter)));
    const auto id = office_->queue().front().id;
    ASSERT_TRUE(office_->remove(id));
    EXPECT_FALSE(office_->remove(id));
    EXPECT_FALSE(office_->next_relay());
    close();
    open();
    EXPECT_TRUE(office_->queue().empty());
}

TEST_F(Office_, ARouterTableDecides) {
    open();
    add_account("joe");
    ASSERT_TRUE(
        office_->set_router_table("<sales> = joe\n*.client.example = <local>joe\nspam.example = NULL\n"));
    EXPECT_FALSE(office_->set_router_table("<sales = joe\n"));
    ASSERT_TRUE(is_accepted(send(envelope("a@example.net", {"sales@example.org"}), letter)));
    ASSERT_TRUE(is_accepted(send(envelope("a@example.net", {"anybody@x.client.example"}), letter)));
    ASSERT_TRUE(is_accepted(send(envelope("a@example.net", {"anybody@spam.example"}), letter)));
    const auto messages = mailbox("joe");
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_NE(messages[1].find("X-Real-To: <anybody@x.client.example>"), std::string::npos) << messages[1];
    EXPECT_TRUE(office_->queue().empty());
}

TEST_F(Office_, AMirrorIsUnfoldedOnceForEachMember) {
    open();
    add_account("joe");
    add_account("ann");
    add_account("L-list");
    add_account("L-inner");
    const auto write = [&](const std::string& name, std::string_view text) {
        auto file = files_.open("/base/Accounts/" + name, os::Open::create);
        ASSERT_TRUE(file);
        ASSERT_TRUE((*file)->write_at(0, text));
    };
    write("L-list", "# staff\njoe, L-inner\r\nnot an address @@\nbob@example.net # away\n");
    write("L-inner", "ann\njoe@example.org\nL-list\n");
    ASSERT_TRUE(is_accepted(send(envelope("a@example.net", {"L-list@example.org"}), letter)));
    const auto messages = mailbox("joe");
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_NE(messages[0].find("Delivered-To: <L-list@example.org>"), std::string::npos) << messages[0];
    EXPECT_EQ(mailbox("ann").size(), 1U);
    const auto task = office_->next_relay();
    ASSERT_TRUE(task);
    EXPECT_EQ(task->recipients.front().text(), "bob@example.net");
}

TEST_F(Office_, NobodyGetsA250ForARecipientWhoIsGone) {
    open();
    add_account("joe");
    add_account("ann");
    const auto send_while_joe_goes = [&](const std::vector<std::string>& recipients) {
        auto incoming = office_->receive({}, envelope("a@example.net", recipients));
        EXPECT_TRUE((*incoming)->append(letter));
        EXPECT_TRUE(office_->remove_account({"joe", {}}));
        auto promise = std::make_shared<std::promise<Accepted>>();  // with the callback
        auto future = promise->get_future();
        office_->accept(std::move(*incoming),
                        [promise](Accepted accepted) { promise->set_value(std::move(accepted)); });
        return future.get();
    };
    const auto alone = send_while_joe_goes({"joe@example.org"});
    ASSERT_FALSE(is_accepted(alone));
    EXPECT_EQ(std::get<Refusal>(alone).code, 550);
    add_account("joe");
    const auto together = send_while_joe_goes({"joe@example.org", "ann@example.org"});
    ASSERT_FALSE(is_accepted(together));
    EXPECT_EQ(std::get<Refusal>(together).code, 451);
    EXPECT_TRUE(mailbox("ann").empty());
}

TEST_F(Office_, ANoticeToNobodyIsDropped) {
    open();
    ASSERT_TRUE(is_accepted(send(envelope("gone@example.org", {"ann@example.net"}), letter)));
    auto task = office_->next_relay();
    ASSERT_TRUE(task);
    office_->relay_finished(std::move(*task), {outcome(RelayResult::failed, "550 5.1.1 No such user")},
                            queue::DestinationOutcome::reached);
    close();
    open();
    EXPECT_TRUE(office_->queue().empty());
    EXPECT_FALSE(office_->next_relay());
}

TEST_F(Office_, AFullDiskIsATemporaryRefusalAndPasses) {
    open();
    add_account("joe");
    files_.set_capacity(0);
    const auto refused = send(envelope("", {"joe@example.org"}), std::string(200'000, 'x') + "\r\n");
    ASSERT_FALSE(is_accepted(refused));
    EXPECT_EQ(std::get<Refusal>(refused).code / 100, 4);
    files_.set_capacity(UINT64_MAX);
    EXPECT_TRUE(is_accepted(send(envelope("", {"joe@example.org"}), letter)));
    EXPECT_EQ(mailbox("joe").size(), 1U);
}

TEST_F(Office_, ARenamedAccountKeepsItsMail) {
    open();
    add_account("joe");
    ASSERT_TRUE(is_accepted(send(envelope("", {"joe@example.org"}), letter)));
    ASSERT_TRUE(office_->rename_account({"joe", {}}, {"jim", {}}));
    EXPECT_EQ(mailbox("jim").size(), 1U);
    ASSERT_TRUE(is_accepted(send(envelope("", {"jim@example.org"}), letter)));
    EXPECT_EQ(mailbox("jim").size(), 2U);
    ASSERT_TRUE(office_->remove_account({"jim", {}}));
    EXPECT_TRUE(office_->judge_recipient({}, {}, address("jim@example.org")));
    EXPECT_EQ(files_.stat("/base/Accounts/jim").error().fault, Fault::not_found);
}

}  // namespace
}  // namespace sims::office
