#include "office/target.h"

#include <gtest/gtest.h>

namespace sims::office {
namespace {

TEST(Target, ReadsBackWhatItWrote) {
    for (const auto* text : {"account joe", "account joe@example.net", "account joe@example.net real-to",
                             "smtp example.com", "smtp mx.example.com 2525", "smtp [192.0.2.1]"}) {
        const auto target = parse_target(text);
        ASSERT_TRUE(target) << text;
        EXPECT_EQ(target_text(*target), text);
    }
}

TEST(Target, RefusesWhatItDidNotWrite) {
    for (const auto* text : {"", "account", "account ", "account joe real", "smtp", "smtp a 0",
                             "smtp a 65536", "smtp a 25 b", "pigeon joe"}) {
        EXPECT_FALSE(parse_target(text)) << text;
    }
}

TEST(Target, DestinationsIgnoreCase) {
    EXPECT_EQ(destination_of({"MX.Example.com", 2525}), "mx.example.com:2525");
    EXPECT_EQ(destination_of({"Example.COM", 0}), "example.com");
}

}  // namespace
}  // namespace sims::office
