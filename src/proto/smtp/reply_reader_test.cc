#include "proto/smtp/reply_reader.h"

#include <gtest/gtest.h>

namespace sims::smtp {
namespace {

TEST(ReplyReader, reads_replies_of_one_line) {
    ReplyReader reader;
    EXPECT_EQ((**reader.on_line("250 2.0.0 Ok")), (Reply{250, "2.0.0 Ok"}));
    EXPECT_EQ((**reader.on_line("354")), (Reply{354, ""}));
    EXPECT_EQ((**reader.on_line("421 ")), (Reply{421, ""}));
}

TEST(ReplyReader, gathers_the_lines_of_one_reply) {
    ReplyReader reader;
    EXPECT_FALSE(reader.on_line("250-host").value());
    EXPECT_FALSE(reader.on_line("250-SIZE 10").value());
    EXPECT_EQ(**reader.on_line("250 HELP"), (Reply{250, "host\nSIZE 10\nHELP"}));
    EXPECT_EQ(**reader.on_line("220 fresh"), (Reply{220, "fresh"}));
}

TEST(ReplyReader, refuses_what_is_no_reply) {
    for (const auto* line :
         {"", "2", "25", "99 x", "199 x", "600 x", "25x ok", "250_ok", "HTTP/1.1 200 OK", " 250 ok"}) {
        ReplyReader reader;
        EXPECT_FALSE(reader.on_line(line)) << line;
    }
    ReplyReader reader;
    EXPECT_FALSE(reader.on_line("250-one").value());
    EXPECT_FALSE(reader.on_line("550 two"));
}

TEST(ReplyReader, has_limits) {
    ReplyReader lines;
    std::size_t taken = 0;
    while (lines.on_line("250-x")) ++taken;
    EXPECT_EQ(taken, ReplyLimits::lines_max);
    ReplyReader bytes;
    const std::string long_line = "250-" + std::string(4000, 'x');
    taken = 0;
    while (bytes.on_line(long_line)) ++taken;
    EXPECT_LE(taken * 4000, ReplyLimits::text_bytes_max);
    EXPECT_FALSE(ReplyReader().on_line("250 " + std::string(ReplyLimits::line_bytes_max, 'x')));
}

}  // namespace
}  // namespace sims::smtp
