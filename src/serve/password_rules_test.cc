#include "serve/password_rules.h"

#include <string>

#include <gtest/gtest.h>

namespace sims::serve {
namespace {

std::string said(std::string_view chosen, std::size_t minimum) {
    const auto judged = check_new_password(chosen, "old secret", minimum);
    return judged ? "" : judged.error().text;
}

TEST(PasswordRules, CountCharactersNotBytes) {
    EXPECT_EQ(said("12345678", 8), "");
    EXPECT_EQ(said("1234567", 8), "The new password is too short: at least 8 characters");
    EXPECT_EQ(said("\u00e4\u00f6\u00fc\u20ac\U0001f600678", 8), "");
    EXPECT_NE(said("\u00e4\u00f6\u00fc\u20ac\U0001f60067", 8), "");
    EXPECT_EQ(said("\xe4\xf6\xfc\xdf", 4), "") << "Latin-1 counts by bytes";
}

TEST(PasswordRules, WantAnotherOneWithoutControlCharacters) {
    EXPECT_EQ(said("old secret", 8), "The new password is the old one");
    EXPECT_EQ(said("old secret ", 8), "");
    for (const std::string_view bad : {"a\tbcdefgh", "abcdefgh\r", "\x7f_abcdefg", "\x1b[2Jabcdef"}) {
        const auto text = said(bad, 8);
        EXPECT_NE(text.find("control characters"), std::string::npos);
        EXPECT_EQ(text.find("abcdef"), std::string::npos) << "no word of the password";
    }
    EXPECT_NE(said(std::string(257, 'x'), 8), "");
    EXPECT_NE(said("", 1), "");
}

}  // namespace
}  // namespace sims::serve
