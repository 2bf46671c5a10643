#include <gtest/gtest.h>

#include "proto/common/lines.h"
#include "proto/common/reply.h"
#include "proto/common/transcript.h"

namespace sims::proto {
namespace {

using Kind = LineSplitter::Kind;

TEST(LineSplitter, finds_lines_and_leaves_the_rest) {
    LineSplitter splitter(100);
    const auto found = splitter.next("NOOP\r\nQUI");
    EXPECT_EQ(found.kind, Kind::line);
    EXPECT_EQ(found.text, "NOOP");
    EXPECT_EQ(found.consumed, 6U);
    const auto rest = splitter.next("QUI");
    EXPECT_EQ(rest.kind, Kind::incomplete);
    EXPECT_EQ(rest.consumed, 0U);
}

TEST(LineSplitter, tells_bare_line_feeds_and_keeps_carriage_returns) {
    LineSplitter splitter(100);
    EXPECT_EQ(splitter.next("NOOP\n").kind, Kind::bare_line_feed);
    EXPECT_EQ(splitter.next("\n").kind, Kind::bare_line_feed);
    EXPECT_EQ(splitter.next("a\rb\r\r\n").text, "a\rb\r");
}

TEST(LineSplitter, a_line_may_be_as_long_as_the_limit_and_no_longer) {
    LineSplitter splitter(6);
    EXPECT_EQ(splitter.next("NOOP\r\n").kind, Kind::line);
    const auto over = splitter.next("NOOPS\r\nQUIT\r\n");
    EXPECT_EQ(over.kind, Kind::incomplete);
    EXPECT_EQ(over.consumed, 6U);
    const auto end = splitter.next("\nQUIT\r\n");
    EXPECT_EQ(end.kind, Kind::too_long);
    EXPECT_EQ(end.consumed, 1U);
    EXPECT_EQ(splitter.next("QUIT\r\n").text, "QUIT");
}

TEST(LineSplitter, throws_an_endless_line_away_as_it_arrives) {
    LineSplitter splitter(512);
    const std::string piece(500, 'x');
    std::string buffer;
    for (int i = 0; i < 1000; ++i) {
        buffer += piece;
        buffer.erase(0, splitter.next(buffer).consumed);
        ASSERT_LT(buffer.size(), 512U);
    }
    buffer += "\r\n";
    EXPECT_EQ(splitter.next(buffer).kind, Kind::too_long);
}

TEST(Reply, goes_over_the_wire_line_by_line) {
    std::string wire;
    append_reply(wire, {250, "host\nPIPELINING\nHELP"});
    append_reply(wire, {354, "Go"});
    EXPECT_EQ(wire, "250-host\r\n250-PIPELINING\r\n250 HELP\r\n354 Go\r\n");
}

TEST(Reply, never_gives_birth_to_a_second_one) {
    std::string wire;
    append_reply(wire, {550, "no\r\r250 yes\x01"});
    EXPECT_EQ(wire, "550 no??250 yes?\r\n");
}

TEST(Reply, is_one_line_for_the_log) {
    EXPECT_EQ((Reply{550, "5.1.1 no such\nuser\x07"}.one_line()), "550 5.1.1 no such user\\x07");
}

class Echo final : public Player {
public:
    std::string receive(std::string_view bytes) override {
        if (bytes.empty()) return "hello\r\n";
        return std::string(bytes);
    }
    std::string event(std::string_view text) override { return text == "good" ? "" : "bad event"; }
};

TEST(Transcript, plays) {
    Echo echo;
    for (const auto delivery : {Delivery::bursts, Delivery::bytes}) {
        EXPECT_EQ(
            play("S: hello\n  C: one\n C: two\\\\\n\n# remark\nS: one\nS: tw...\nE: good", echo, delivery),
            "");
    }
}

TEST(Transcript, says_where_it_differs) {
    Echo echo;
    EXPECT_EQ(play("S: hello\nC: one\nS: two", echo, Delivery::bursts),
              "line 3: expected \"two\", got \"one\"");
    EXPECT_EQ(play("S: hello\nC: one\nC: two\nS: one", echo, Delivery::bursts),
              "at the end: nobody expected \"two\\x0d\\x0a\"");
    EXPECT_EQ(play("C: one", echo, Delivery::bursts), "line 1: nobody expected \"hello\\x0d\\x0a\"");
    EXPECT_EQ(play("S: hello\nE: evil", echo, Delivery::bursts), "line 2: bad event");
}

TEST(Transcript, knows_every_byte) {
    EXPECT_EQ(transcript_bytes("a\\r\\n\\0\\xff\\\\"), std::string("a\r\n\0\xff\\\r\n", 8));
    EXPECT_EQ(transcript_bytes("a\\c"), "a");
}

}  // namespace
}  // namespace sims::proto
