#include "proto/pop3/command.h"

#include <string>

#include <gtest/gtest.h>

namespace sims::pop3 {
namespace {

template <class C>
bool is(std::string_view line) {
    return std::holds_alternative<C>(parse_command(line));
}

TEST(Command, KeywordsInAnyCase) {
    EXPECT_TRUE(is<Stat>("STAT"));
    EXPECT_TRUE(is<Stat>("stat "));
    EXPECT_TRUE(is<Quit>("Quit"));
    EXPECT_TRUE(is<Capa>("CAPA"));
    EXPECT_TRUE(is<Stls>("STLS"));
    EXPECT_TRUE(is<Noop>("NOOP"));
    EXPECT_TRUE(is<Rset>("RSET"));
    for (const std::string_view line : {"", " ", " STAT", "STATS", "STA", "RETR\t1", "\xff"})
        EXPECT_TRUE(is<UnknownCommand>(line));
}

TEST(Command, PasswordsKeepTheirBlanks) {
    EXPECT_EQ(std::get<Pass>(parse_command("PASS  two  words ")).password, " two  words ");
    EXPECT_EQ(std::get<Pass>(parse_command("pass \xc3\xa9")).password, "\xc3\xa9");
    EXPECT_TRUE(is<BadArguments>("PASS"));
    EXPECT_TRUE(is<BadArguments>("PASS "));
    EXPECT_EQ(std::get<User>(parse_command("USER  joe@example.org ")).name, "joe@example.org");
    EXPECT_TRUE(is<BadArguments>("USER  "));
}

TEST(Command, Numbers) {
    EXPECT_EQ(std::get<Retr>(parse_command("RETR 12")).number, 12U);
    EXPECT_EQ(std::get<Dele>(parse_command("dele  1 ")).number, 1U);
    EXPECT_EQ(std::get<List>(parse_command("LIST")).number, std::nullopt);
    EXPECT_EQ(std::get<List>(parse_command("LIST 3")).number, 3U);
    EXPECT_EQ(std::get<Uidl>(parse_command("UIDL 0")).number, 0U);
    const auto top = std::get<Top>(parse_command("TOP 18446744073709551615 0"));
    EXPECT_EQ(top.number, 18446744073709551615U);
    EXPECT_EQ(top.lines, 0U);
    for (const std::string_view line :
         {"RETR", "RETR x", "RETR -1", "RETR +1", "RETR 1 2", "RETR 18446744073709551616", "TOP 1", "TOP 1 x",
          "TOP  1 ", "LIST x", "UIDL 1 1", "STAT 1", "QUIT now"}) {
        EXPECT_TRUE(is<BadArguments>(line)) << line;
    }
}

}  // namespace
}  // namespace sims::pop3
