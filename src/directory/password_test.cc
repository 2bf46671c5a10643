#include "directory/password.h"

#include <set>

#include <gtest/gtest.h>

#include "directory/directory.h"
#include "directory/login_memory.h"

namespace sims::directory {
namespace {

TEST(Password, OwnHashes) {
    const auto hash = hash_password("correct horse");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(hash->starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    EXPECT_EQ(match_password(*hash, "correct horse"), HashMatch::right);
    EXPECT_EQ(match_password(*hash, "correct horsE"), HashMatch::wrong);
    EXPECT_EQ(match_password(*hash, ""), HashMatch::wrong);
    EXPECT_NE(*hash, *hash_password("correct horse"));  // salted
}

TEST(Password, ImportedHashesMatchAndAreOutdated) {
    // The SHA-512 test vector of Drepper's specification.
    const std::string sha512 =
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
        "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
    EXPECT_TRUE(is_known_hash(sha512));
    EXPECT_EQ(match_password(sha512, "Hello world!"), HashMatch::outdated);
    EXPECT_EQ(match_password(sha512, "Hello world"), HashMatch::wrong);
    EXPECT_EQ(match_password(sha512, std::string_view("Hello world!\0x", 14)), HashMatch::wrong);
}

TEST(Password, NonsenseIsNoHash) {
    EXPECT_EQ(match_password("$argon2id$", "x"), HashMatch::wrong);
    for (const std::string_view bad :
         {"", "*", "x", "$", "$6$", "$6$salt", "$nonsense$", "plain text", "$2b$"}) {
        EXPECT_EQ(match_password(bad, "x"), HashMatch::wrong) << bad;
        EXPECT_FALSE(is_known_hash(bad)) << bad;
    }
}

TEST(Password, Rules) {
    EXPECT_TRUE(check_password("x"));
    EXPECT_TRUE(check_password("pass word \xc3\xa9"));
    EXPECT_TRUE(check_password(std::string(256, 'x')));
    EXPECT_FALSE(check_password(""));
    EXPECT_FALSE(check_password(std::string(257, 'x')));
    EXPECT_FALSE(check_password("a\tb"));
    EXPECT_FALSE(check_password(std::string_view("a\0b", 3)));
}

TEST(Password, MadeOnesCanBeReadAloud) {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto password = make_password();
        EXPECT_EQ(password.size(), 16U);
        EXPECT_EQ(password.find_first_of("0O1lI"), std::string::npos);
        EXPECT_TRUE(seen.insert(password).second);
    }
}

TEST(LoginMemory, RemembersOnePasswordOfOneVersion) {
    LoginMemory memory;
    memory.remember({7, 1}, "secret");
    EXPECT_TRUE(memory.remembers({7, 1}, "secret"));
    EXPECT_FALSE(memory.remembers({7, 1}, "Secret"));
    EXPECT_FALSE(memory.remembers({7, 2}, "secret"));
    EXPECT_FALSE(memory.remembers({8, 1}, "secret"));
    memory.forget(7);
    memory.forget(7);
    EXPECT_FALSE(memory.remembers({7, 1}, "secret"));
}

TEST(LoginMemory, TheLeastUsedGoesFirst) {
    LoginMemory memory(3);
    for (std::int64_t account = 1; account <= 3; ++account) memory.remember({account, 0}, "x");
    EXPECT_TRUE(memory.remembers({1, 0}, "x"));
    memory.remember({4, 0}, "x");
    EXPECT_EQ(memory.size(), 3U);
    EXPECT_TRUE(memory.remembers({1, 0}, "x"));
    EXPECT_FALSE(memory.remembers({2, 0}, "x"));
}

}  // namespace
}  // namespace sims::directory
