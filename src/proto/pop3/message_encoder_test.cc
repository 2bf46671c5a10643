#include "proto/pop3/message_encoder.h"

#include <gtest/gtest.h>

namespace sims::pop3 {
namespace {

std::string encode(std::string_view message, std::optional<std::uint64_t> lines = std::nullopt) {
    std::string whole;
    MessageEncoder encoder(lines);
    encoder.feed(message, whole);
    encoder.finish(whole);
    std::string bytewise;
    MessageEncoder other(lines);
    for (std::size_t i = 0; i < message.size(); ++i) other.feed(message.substr(i, 1), bytewise);
    other.finish(bytewise);
    EXPECT_EQ(whole, bytewise);
    return whole;
}

TEST(MessageEncoder, StuffsDotsAtLineStartsOnly) {
    EXPECT_EQ(encode("A: b\r\n\r\n.\r\n..x\r\na.b\r\n"), "A: b\r\n\r\n..\r\n...x\r\na.b\r\n.\r\n");
    EXPECT_EQ(encode(".first\r\n"), "..first\r\n.\r\n");
    EXPECT_EQ(encode("a\r.b\r\n"), "a\r.b\r\n.\r\n");  // a bare CR begins no line
}

TEST(MessageEncoder, EndsTheLastLine) {
    EXPECT_EQ(encode(""), ".\r\n");
    EXPECT_EQ(encode("x"), "x\r\n.\r\n");
    EXPECT_EQ(encode("x\r"), "x\r\n.\r\n");
    EXPECT_EQ(encode("x\n"), "x\n\r\n.\r\n");
}

TEST(MessageEncoder, TopSendsTheHeaderAndSoManyLines) {
    const std::string_view message = "A: b\r\nC: d\r\n\r\n1\r\n\r\n.3\r\n4\r\n";
    EXPECT_EQ(encode(message, 0), "A: b\r\nC: d\r\n\r\n.\r\n");
    EXPECT_EQ(encode(message, 1), "A: b\r\nC: d\r\n\r\n1\r\n.\r\n");
    EXPECT_EQ(encode(message, 3), "A: b\r\nC: d\r\n\r\n1\r\n\r\n..3\r\n.\r\n");
    EXPECT_EQ(encode(message, 99), encode(message));
    EXPECT_EQ(encode("no body\r\n", 0), "no body\r\n.\r\n");
    EXPECT_EQ(encode("A: b\r\n\r\r\nC: d\r\n\r\n1\r\n", 0),
              "A: b\r\n\r\r\nC: d\r\n\r\n.\r\n");  // found by fuzzing
    EXPECT_EQ(encode("\r\nno header\r\n", 0), "\r\n.\r\n");
}

TEST(MessageEncoder, SaysWhenTopHasEnough) {
    std::string out;
    MessageEncoder encoder(1);
    encoder.feed("A: b\r\n\r\n", out);
    EXPECT_TRUE(encoder.wants_more());
    encoder.feed("1\r\n", out);
    EXPECT_FALSE(encoder.wants_more());
    encoder.feed("2\r\n", out);
    EXPECT_EQ(out, "A: b\r\n\r\n1\r\n");
}

}  // namespace
}  // namespace sims::pop3
