#include "serve/message_feed.h"

#include <gtest/gtest.h>

#include "serve/maildrop_fixture.h"

namespace sims::serve {
namespace {

std::string all_of(MessageFeed& feed, std::size_t message,
                   std::optional<std::uint64_t> lines = std::nullopt) {
    MessageFeed::Place place(message, lines);
    if (auto ready = feed.take_ahead(place)) return *ready;
    std::string bytes;
    for (;;) {
        const auto piece = feed.read(place);
        if (!piece) return "unreadable";
        bytes += piece->bytes;
        if (piece->last) return bytes;
    }
}

TEST(MessageFeed, ReadsAheadOfAClientThatTakesMessagesInOrder) {
    MemoryDrop drop;
    for (int i = 0; i < 100; ++i) drop.add("A: " + std::to_string(i) + "\r\n\r\n.\r\n");
    MessageFeed feed(drop, 256);
    for (std::size_t i = 0; i < 100; ++i) {
        EXPECT_EQ(all_of(feed, i), "A: " + std::to_string(i) + "\r\n\r\n..\r\n.\r\n");
        EXPECT_LE(drop.reads, i + 1 + 256 / 10);  // never far ahead
    }
    EXPECT_EQ(drop.reads, 100U);  // each once
    EXPECT_EQ(all_of(feed, 50), "A: 50\r\n\r\n..\r\n.\r\n");
}

TEST(MessageFeed, OneMessageIsNoReasonToReadOthers) {
    MemoryDrop drop;
    for (int i = 0; i < 10; ++i) drop.add("A: b\r\n\r\nbody\r\n");
    MessageFeed feed(drop, 4096);
    all_of(feed, 9);
    all_of(feed, 3);
    all_of(feed, 7, 0);
    EXPECT_EQ(drop.reads, 3U);
}

TEST(MessageFeed, LargeMessagesComeInPiecesAndTopInThemStopsEarly) {
    MemoryDrop drop;
    std::string large = "A: b\r\n\r\n";
    for (int i = 0; i < 1000; ++i) large += ".line\r\n";
    drop.add(large);
    drop.add("x\r\n");
    MessageFeed feed(drop, 512);
    EXPECT_EQ(all_of(feed, 0).size(), large.size() + 1000 + 3);
    EXPECT_GT(drop.reads, 10U);
    drop.reads = 0;
    EXPECT_EQ(all_of(feed, 0, 1), "A: b\r\n\r\n..line\r\n.\r\n");
    EXPECT_EQ(drop.reads, 1U);
}

TEST(MessageFeed, FailuresBelongToTheMessageThatIsAskedFor) {
    MemoryDrop drop;
    for (int i = 0; i < 4; ++i) drop.add("A: b\r\n");
    drop.broken = 2;
    MessageFeed feed(drop, 4096);
    EXPECT_EQ(all_of(feed, 0), "A: b\r\n.\r\n");
    EXPECT_EQ(all_of(feed, 1), "A: b\r\n.\r\n");
    EXPECT_EQ(all_of(feed, 2), "unreadable");
    EXPECT_EQ(all_of(feed, 3), "A: b\r\n.\r\n");
}

}  // namespace
}  // namespace sims::serve
