#include "proto/smtp/body_decoder.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "proto/smtp/dot_stuffer.h"

namespace sims::smtp {
namespace {

constexpr std::uint64_t plenty = 1 << 20;

struct Decoded {
    std::string content;
    std::string rest;
    bool done = false;
    std::optional<ContentDefect> defect;
};

Decoded decode(std::string_view octets, std::size_t step, std::uint64_t bytes_max = plenty) {
    BodyDecoder decoder(bytes_max);
    Decoded result;
    std::size_t at = 0;
    while (at < octets.size() && !decoder.done()) {
        const auto piece = octets.substr(at, step);
        const auto taken = decoder.feed(piece, result.content);
        EXPECT_TRUE(taken == piece.size() || decoder.done());
        at += taken;
    }
    result.rest = octets.substr(at);
    result.done = decoder.done();
    result.defect = decoder.defect();
    if (!result.defect) {
        EXPECT_EQ(decoder.size(), result.content.size());
    }
    return result;
}

TEST(BodyDecoder, undoes_the_dots_and_stops_at_the_end) {
    for (std::size_t step = 1; step < 40; ++step) {
        const auto result = decode("one\r\n..two\r\n.three.\r\n\r\n.\r\nQUIT\r\n", step);
        EXPECT_EQ(result.content, "one\r\n.two\r\nthree.\r\n\r\n");
        EXPECT_EQ(result.rest, "QUIT\r\n");
        EXPECT_TRUE(result.done);
        EXPECT_FALSE(result.defect);
    }
}

TEST(BodyDecoder, an_empty_message_is_a_message) {
    const auto result = decode(".\r\nNOOP", 1);
    EXPECT_TRUE(result.done);
    EXPECT_EQ(result.content, "");
    EXPECT_EQ(result.rest, "NOOP");
}

// What some servers take for the end and others do not (SMTP smuggling, 2023). None of it ends a message
// here, and a message that has it is refused at its true end.
TEST(BodyDecoder, nothing_but_crlf_dot_crlf_ends) {
    for (const std::string end :
         {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\r\r\n.\r\r\n", "\r\n.\r\r\n",
          "\n\n.\r\n", "\r\n\n.\n", "\r\n.\n\r\n", "\n.\r", "\r.\n"}) {
        const auto octets = "a" + end + "MAIL FROM:<x@y>\r\n" + "\r\n.\r\nQUIT\r\n";
        for (const std::size_t step : {1UL, 2UL, 3UL, 1000UL}) {
            const auto result = decode(octets, step);
            EXPECT_EQ(result.rest, "QUIT\r\n") << octets;
            EXPECT_TRUE(result.defect) << octets;
        }
    }
}

TEST(BodyDecoder, says_which_defect_it_found_first) {
    EXPECT_EQ(decode("a\nb\rc\r\n.\r\n", 100).defect, ContentDefect::bare_line_feed);
    EXPECT_EQ(decode("a\rb\nc\r\n.\r\n", 100).defect, ContentDefect::bare_carriage_return);
    EXPECT_EQ(reply_for(ContentDefect::bare_line_feed).code, 550);
    EXPECT_EQ(reply_for(ContentDefect::too_large).code, 552);
}

TEST(BodyDecoder, reads_on_to_the_end_of_a_message_that_is_too_large) {
    for (std::size_t step = 1; step < 40; ++step) {
        EXPECT_FALSE(decode("12345678\r\n.\r\n", step, 10).defect);
        const auto result = decode("123456789\r\n.\r\nQUIT", step, 10);
        EXPECT_EQ(result.defect, ContentDefect::too_large);
        EXPECT_LE(result.content.size(), 10U);
        EXPECT_EQ(result.rest, "QUIT");
    }
}

TEST(BodyDecoder, every_octet_but_line_ends_is_content) {
    std::string content;
    for (int c = 0; c < 256; ++c) {
        if (c != '\r' && c != '\n') content += static_cast<char>(c);
    }
    content += "\r\n";
    EXPECT_EQ(decode(content + ".\r\n", 7).content, content);
}

std::string in_pieces_stuffed(const std::string& content, std::size_t step) {
    DotStuffer stuffer;
    std::string out;
    for (std::size_t at = 0; at < content.size(); at += step)
        stuffer.feed(std::string_view(content).substr(at, step), out);
    stuffer.finish(out);
    return out;
}

TEST(DotStuffer, stuffs_and_ends) {
    for (std::size_t step = 1; step < 20; ++step) {
        EXPECT_EQ(in_pieces_stuffed("", step), ".\r\n");
        EXPECT_EQ(in_pieces_stuffed(".", step), "..\r\n.\r\n");
        EXPECT_EQ(in_pieces_stuffed("a\r\n.\r\n..b\r\n", step), "a\r\n..\r\n...b\r\n.\r\n");
        EXPECT_EQ(in_pieces_stuffed("no end", step), "no end\r\n.\r\n");
    }
}

TEST(DotStuffer, never_sends_a_bare_line_end) {
    for (std::size_t step = 1; step < 20; ++step) {
        EXPECT_EQ(in_pieces_stuffed("a\n.b\rc\r\r\n.", step), "a\r\n..b\r\nc\r\n\r\n..\r\n.\r\n");
        EXPECT_EQ(in_pieces_stuffed("a\r", step), "a\r\n.\r\n");
    }
}

TEST(DotStuffer, goes_through_the_decoder_and_back) {
    EXPECT_TRUE(rc::check("round trip", [] {
        const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
            ".", "..", "\r\n", "text", "\r\n.\r\n", std::string(1, '\0'), "\xff"));
        std::string content;
        for (const auto& piece : pieces) content += piece;
        if (!content.empty()) content += "\r\n";
        const auto sent = in_pieces_stuffed(content, *rc::gen::inRange<std::size_t>(1, 9));
        const auto result = decode(sent + "QUIT\r\n", *rc::gen::inRange<std::size_t>(1, 9));
        RC_ASSERT(!result.defect);
        RC_ASSERT(result.content == content);
        RC_ASSERT(result.rest == "QUIT\r\n");
    }));
}

std::optional<ContentDefect> scan(std::string_view octets, std::size_t step) {
    ChunkScanner scanner;
    for (std::size_t at = 0; at < octets.size(); at += step) scanner.feed(octets.substr(at, step));
    scanner.finish();
    return scanner.defect();
}

TEST(ChunkScanner, finds_bare_line_ends_wherever_the_pieces_end) {
    for (std::size_t step = 1; step < 12; ++step) {
        EXPECT_FALSE(scan("a\r\n.\r\nb\r\n", step));
        EXPECT_FALSE(scan("no end", step));
        EXPECT_EQ(scan("a\nb\r\n", step), ContentDefect::bare_line_feed);
        EXPECT_EQ(scan("\n", step), ContentDefect::bare_line_feed);
        EXPECT_EQ(scan("a\rb", step), ContentDefect::bare_carriage_return);
        EXPECT_EQ(scan("a\r\r\n", step), ContentDefect::bare_carriage_return);
        EXPECT_EQ(scan("a\r", step), ContentDefect::bare_carriage_return);
    }
}

TEST(ChunkScanner, adds_the_line_end_that_is_missing) {
    ChunkScanner scanner;
    EXPECT_EQ(scanner.finish(), "");
    scanner.feed("a");
    EXPECT_EQ(scanner.finish(), "\r\n");
    scanner.feed("\r\n");
    EXPECT_EQ(scanner.finish(), "");
}

}  // namespace
}  // namespace sims::smtp
