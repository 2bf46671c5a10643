// The spool as its callers see it: what is acknowledged is there, now and after a restart.
#include "queue/spool.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "queue/spool_harness.h"

namespace sims::queue {
namespace {

TEST(Spool, AcknowledgedMessageSurvivesARestart) {
    Harness harness;
    const auto id = harness.commit("Subject: a\r\n\r\nhello\r\n", {"ann@example.net", "bob@example.org"});
    ASSERT_TRUE(id);
    EXPECT_EQ(harness.text_of(*id), "Subject: a\r\n\r\nhello\r\n");
    harness.reopen();
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    const auto& message = harness.recovered.messages.front();
    EXPECT_EQ(message.id, *id);
    EXPECT_EQ(message.size, 21U);
    ASSERT_EQ(message.recipients.size(), 2U);
    EXPECT_EQ(message.recipients[1].address.text(), "bob@example.org");
    EXPECT_EQ(message.sender.text(), "joe@example.org");
    EXPECT_EQ(harness.text_of(*id), "Subject: a\r\n\r\nhello\r\n");
    EXPECT_TRUE(harness.recovered.damage.empty());
}

TEST(Spool, CrashAfterTheAcknowledgementLosesNothing) {
    Harness harness;
    const auto id = harness.commit("body", {"ann@example.net"});
    ASSERT_TRUE(id);
    harness.crash(7);
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    EXPECT_EQ(harness.text_of(*id), "body");
}

TEST(Spool, UpdatesAreRememberedAndFinishedMessagesForgotten) {
    Harness harness;
    const auto a = harness.commit("a", {"ann@example.net", "bob@example.org"});
    const auto b = harness.commit("b", {"ann@example.net"});
    ASSERT_TRUE(a && b);
    ASSERT_TRUE(harness.deliver(*a, 0));
    ASSERT_TRUE(harness.deliver(*b, 0));
    EXPECT_EQ(harness.spool->counters().messages, 1U);
    EXPECT_FALSE(harness.spool->content(*b));
    harness.crash(3);
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    EXPECT_EQ(harness.recovered.messages[0].recipients[0].state, RecipientState::delivered);
    EXPECT_EQ(harness.recovered.messages[0].recipients[1].state, RecipientState::waiting);
}

TEST(Spool, LazyUpdatesGoOutWithTheNextCommit) {
    Harness harness;
    const auto a = harness.commit("a", {"ann@example.net"});
    ASSERT_TRUE(a);
    harness.spool->update_lazily({harness.delivered(*a, 0)});
    const auto b = harness.commit("b", {"ann@example.net"});
    ASSERT_TRUE(b);
    harness.crash(1);
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    EXPECT_EQ(harness.recovered.messages[0].id, *b);
}

TEST(Spool, LongContentHasAFileOfItsOwnUntilItIsDelivered) {
    Harness harness;
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\r\n";
    const auto id = harness.commit(text, {"ann@example.net"});
    ASSERT_TRUE(id);
    EXPECT_TRUE(harness.has_file(id->text() + ".content"));
    EXPECT_TRUE(harness.text_of(*id) == text);
    harness.crash(11);
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    EXPECT_TRUE(harness.text_of(*id) == text);
    ASSERT_TRUE(harness.deliver(*id, 0));
    harness.reopen();
    EXPECT_TRUE(harness.recovered.messages.empty());
    EXPECT_FALSE(harness.has_file(id->text() + ".content"));
}

TEST(Spool, AbandonedDraftsLeaveNothing) {
    Harness harness;
    {
        auto draft = harness.spool->draft();
        ASSERT_TRUE(draft);
        ASSERT_TRUE((*draft)->append(std::string(100'000, 'x')));
        EXPECT_TRUE(harness.has_file((*draft)->id().text() + ".content"));
    }
    for (const auto& name : harness.names()) EXPECT_EQ(name.find(".content"), std::string::npos) << name;
}

TEST(Spool, NotesLiveUntilTheirMailboxIsSynced) {
    Harness harness;
    ASSERT_TRUE(harness.commit("a", {"ann@example.net"}, {{"Accounts/ann", 100, 5}}));
    ASSERT_TRUE(harness.commit("b", {"bob@example.net"}, {{"Accounts/bob", 7, 6}, {"Accounts/ann", 200, 5}}));
    harness.reopen();
    ASSERT_EQ(harness.recovered.notes.size(), 2U);
    EXPECT_EQ(harness.note_of("Accounts/ann"), 200U);  // the newest
    EXPECT_EQ(harness.note_of("Accounts/bob"), 7U);
    const std::vector<std::string> synced{"Accounts/ann"};
    harness.spool->mailboxes_synced(synced);
    ASSERT_TRUE(harness.commit("c", {"bob@example.net"}, {}));
    harness.crash(5);
    ASSERT_EQ(harness.recovered.notes.size(), 1U);
    EXPECT_EQ(harness.note_of("Accounts/bob"), 7U);
}

TEST(Spool, WhatWaitsIsSettledWhenTheJournalIsFull) {
    Harness harness;
    const auto stays =
        harness.commit("this one waits", {"ann@example.net", "bob@example.org"}, {{"Accounts/ann", 12, 1}});
    ASSERT_TRUE(stays);
    ASSERT_TRUE(harness.deliver(*stays, 1));
    for (int i = 0; i < 200; ++i) {
        const auto id = harness.commit(std::string(1000, 'x'), {"ann@example.net"});
        ASSERT_TRUE(id);
        ASSERT_TRUE(harness.deliver(*id, 0));
    }
    harness.wait_until([&] { return harness.spool->counters().settled == 1; });
    EXPECT_TRUE(harness.has_file(stays->text()));
    EXPECT_EQ(harness.text_of(*stays), "this one waits");
    EXPECT_LE(harness.segment_count(), 8U);
    harness.crash(9);
    ASSERT_EQ(harness.recovered.messages.size(), 1U);
    EXPECT_EQ(harness.recovered.messages[0].recipients[1].state, RecipientState::delivered);
    EXPECT_EQ(harness.text_of(*stays), "this one waits");
    EXPECT_EQ(harness.note_of("Accounts/ann"), 12U);  // carried on, segment after segment
    ASSERT_TRUE(harness.deliver(*stays, 0));
    harness.reopen();
    EXPECT_TRUE(harness.recovered.messages.empty());
    EXPECT_FALSE(harness.has_file(stays->text()));
}

}  // namespace
}  // namespace sims::queue
