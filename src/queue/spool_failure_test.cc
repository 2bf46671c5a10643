// When the disk fails: what was acknowledged stays, what was refused never comes, and the spool goes on.
#include <algorithm>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "queue/spool_harness.h"

namespace sims::queue {
namespace {

using Failure = os::FaultyFileSystem::Failure;
using Afterwards = os::FaultyFileSystem::Afterwards;
using Counted = os::FaultyFileSystem::Counted;

struct Outcome {
    std::map<QueueId, std::string> acknowledged;
    std::set<QueueId> refused;
    std::set<QueueId> finished;  // acknowledged to be
    std::set<QueueId> perhaps_finished;
};

// Short mail, long mail, deliveries, and one message that has to be settled.
void work(Harness& harness, Outcome& outcome) {
    for (int i = 0; i < 24; ++i) {
        const std::string text = std::to_string(i) + std::string(i % 8 == 3 ? 5000 : 1200, 'x');
        auto draft = harness.spool->draft();
        if (!draft) continue;
        const auto id = (*draft)->id();
        draft->reset();
        const auto committed = harness.commit(text, {"ann@example.net"}, {{"Accounts/ann", 10, 1}});
        if (!committed) {
            // The ids of the harness's drafts rise one by one.
            for (auto value = id.value + 1; value < harness.last_draft + 1; ++value) {
                outcome.refused.insert(QueueId{{value}});
            }
            continue;
        }
        outcome.acknowledged.emplace(*committed, text);
        if (i % 6 == 0) continue;
        outcome.perhaps_finished.insert(*committed);
        if (harness.deliver(*committed, 0)) outcome.finished.insert(*committed);
    }
}

void verify(const Harness& harness, const Outcome& outcome) {
    std::set<QueueId> found;
    for (const auto& message : harness.recovered.messages) {
        EXPECT_TRUE(found.insert(message.id).second);
        EXPECT_FALSE(outcome.refused.contains(message.id)) << "refused, yet there: " << message.id.text();
        EXPECT_FALSE(outcome.finished.contains(message.id)) << "finished, yet there: " << message.id.text();
    }
    for (const auto& [id, text] : outcome.acknowledged) {
        if (outcome.perhaps_finished.contains(id) && !found.contains(id)) continue;
        EXPECT_TRUE(found.contains(id)) << "lost: " << id.text();
        EXPECT_TRUE(harness.text_of(id) == text) << id.text();
    }
    EXPECT_TRUE(harness.recovered.damage.empty()) << harness.recovered.damage.front();
}

void fail_each(Failure failure, std::uint64_t most) {
    bool failed = true;
    for (failure.operation = 1; failed && failure.operation < most; ++failure.operation) {
        SCOPED_TRACE(failure.operation);
        Harness harness;
        Outcome outcome;
        harness.disk.fail(failure);
        work(harness, outcome);
        harness.disk.heal();
        // The next good batch calls off what was refused.
        const auto after = harness.commit("after", {"bob@example.org"});
        ASSERT_TRUE(after) << after.error().text;
        outcome.acknowledged.emplace(*after, "after");
        failed = harness.disk.has_failed();
        harness.reopen();
        verify(harness, outcome);
        if (::testing::Test::HasFailure()) return;
    }
}

TEST(SpoolFailure, AnyFailingWriteOrSyncLosesNothingAcknowledged) { fail_each(Failure{}, 600); }

TEST(SpoolFailure, AnyFailingReadLosesNothingEither) { fail_each(Failure{.counted = Counted::all}, 600); }

TEST(SpoolFailure, DiskThatStaysDeadLosesNothingAcknowledged) {
    Failure failure;
    failure.afterwards = Afterwards::stay_dead;
    fail_each(failure, 150);
}

TEST(SpoolFailure, AnyFailureWhileOpeningLosesNothing) {
    for (std::uint64_t operation = 1; operation < 200; ++operation) {
        SCOPED_TRACE(operation);
        Harness harness;
        Outcome outcome;
        work(harness, outcome);
        harness.disk.crash(operation);
        harness.spool.reset();
        harness.disk.fail({.operation = operation, .counted = Counted::all});
        auto opened = harness.try_open();
        if (opened) {
            harness.spool = std::move(*opened);
            harness.recovered = harness.spool->take_recovered();
            if (!harness.recovered.damage.empty()) continue;  // told, and kept: tried again below
        }
        const bool failed = harness.disk.has_failed();
        harness.disk.heal();
        harness.reopen();
        verify(harness, outcome);
        if (!failed || ::testing::Test::HasFailure()) return;
    }
}

TEST(SpoolFailure, FullDiskRefusesAtOnceAndComesBackByItself) {
    Harness harness;
    harness.wait_until([&] { return harness.names().size() >= 1; });
    const auto kept = harness.commit("kept", {"ann@example.net"});
    ASSERT_TRUE(kept);
    harness.disk.set_capacity(64 << 10);
    Result<QueueId> last = *kept;
    std::size_t accepted = 0;
    for (int i = 0; i < 200 && last; ++i, ++accepted)
        last = harness.commit(std::string(1500, 'x'), {"ann@example.net"});
    ASSERT_FALSE(last);
    EXPECT_EQ(last.error().fault, Fault::no_space) << last.error().text;
    harness.disk.set_capacity(16 << 20);
    const auto again = harness.commit("again", {"ann@example.net"});
    ASSERT_TRUE(again) << again.error().text;
    harness.reopen();
    EXPECT_EQ(harness.recovered.messages.size(), accepted + 1);  // "kept" and "again"; the last was refused
}

TEST(SpoolFailure, DamagedSettledFileIsLeftAloneAndTold) {
    Harness harness;
    const auto id = harness.commit("waits", {"ann@example.net"});
    ASSERT_TRUE(id);
    for (int i = 0; i < 100; ++i) {
        const auto other = harness.commit(std::string(1000, 'x'), {"ann@example.net"});
        ASSERT_TRUE(other && harness.deliver(*other, 0));
    }
    harness.wait_until([&] { return harness.spool->counters().settled == 1; });
    harness.spool.reset();
    const std::string path = harness.folder + '/' + id->text();
    auto bytes = os::read_file(harness.disk, path, 1 << 20).value();
    bytes[bytes.find("waiting")] = 'W';
    ASSERT_TRUE(os::replace_file(harness.disk, path, bytes));
    harness.open();
    EXPECT_TRUE(harness.recovered.messages.empty());
    ASSERT_EQ(harness.recovered.damage.size(), 1U);
    EXPECT_NE(harness.recovered.damage[0].find(path), std::string::npos);
    harness.reopen();
    EXPECT_EQ(os::read_file(harness.disk, path, 1 << 20).value(), bytes);
}

TEST(SpoolFailure, IdsRiseThoughTheClockStepsBack) {
    Harness harness;
    const auto first = harness.commit("a", {"ann@example.net"});
    harness.clock = 1;
    const auto second = harness.commit("b", {"ann@example.net"});
    ASSERT_TRUE(first && second);
    EXPECT_LT(*first, *second);
    ASSERT_TRUE(harness.deliver(*first, 0) && harness.deliver(*second, 0));
    harness.reopen();
    const auto third = harness.commit("c", {"ann@example.net"});
    ASSERT_TRUE(third);
    EXPECT_LT(*second, *third);
}

TEST(SpoolFailure, MessagesNobodyWaitsForAreRefused) {
    Harness harness;
    const auto refused = harness.commit("a", {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::invalid);
}

TEST(SpoolFailure, EnvelopeLongerThanASegmentIsRefused) {
    Harness harness;
    const std::vector<std::string> everybody(1000, "somebody@example.net");
    const auto refused = harness.commit("a", everybody);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fault, Fault::limit);
    EXPECT_TRUE(harness.commit("b", {"ann@example.net"}));
}

TEST(SpoolConcurrency, ManyThreadsCommitUpdateAndRead) {
    SpoolLimits limits = small_limits();
    limits.segment_bytes = 64 << 10;
    limits.content_in_memory_max =
        20'000;  // most is read from the segments, some of them about to be used again
    Harness harness(limits);
    constexpr int threads = 16;
    constexpr int each = 40;
    std::atomic<int> failures{0};
    std::vector<std::thread> crowd;
    for (int t = 0; t < threads; ++t) {
        crowd.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                const std::string text =
                    std::to_string(t * each + i) + std::string(500 + 100 * (i % 20), 'y');
                const auto id = harness.commit(text, {"ann@example.net", "bob@example.org"});
                if (!id) {
                    ++failures;
                    continue;
                }
                harness.spool->update_lazily({harness.delivered(*id, 0)});
                if (harness.text_of(*id) != text) ++failures;
                if (i % 10 != 0 && !harness.deliver(*id, 1)) ++failures;
            }
        });
    }
    for (auto& thread : crowd) thread.join();
    EXPECT_EQ(failures.load(), 0);
    EXPECT_EQ(harness.spool->counters().messages, threads * each / 10U);
    harness.reopen();
    EXPECT_EQ(harness.recovered.messages.size(), threads * each / 10U);
}

TEST(SpoolConcurrency, ReadersKeepTheirContentThoughTheSegmentGoes) {
    SpoolLimits limits = small_limits();
    limits.content_in_memory_max = 0;
    Harness harness(limits);
    const auto id = harness.commit("held by a reader", {"ann@example.net"});
    ASSERT_TRUE(id);
    const auto content = harness.spool->content(*id);
    ASSERT_TRUE(content);
    EXPECT_FALSE((*content)->in_memory());
    ASSERT_TRUE(harness.deliver(*id, 0));
    for (int i = 0; i < 100; ++i) {
        const auto other = harness.commit(std::string(1000, 'x'), {"ann@example.net"});
        ASSERT_TRUE(other && harness.deliver(*other, 0));
    }
    EXPECT_EQ((*content)->read(0, 100).value(), "held by a reader");
}

}  // namespace
}  // namespace sims::queue
