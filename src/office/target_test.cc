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

TEST(Target, HostsWithAndWithoutPorts) {
    EXPECT_EQ(parse_host("mx.example.com")->port, 0);
    EXPECT_EQ(parse_host(" mx.example.com:2525 ")->port, 2525);
    EXPECT_EQ(parse_host("[2001:db8::1]:25")->host, "[2001:db8::1]");
    EXPECT_EQ(parse_host("[2001:db8::1]")->port, 0);
    for (const auto* bad : {"", "  ", ":25", "mx:0", "mx:", "mx:65536", "mx:2x"})
        EXPECT_FALSE(parse_host(bad)) << bad;
}

TEST(Target, DestinationsIgnoreCase) {
    EXPECT_EQ(destination_of({"MX.Example.com", 2525}), "mx.example.com:2525");
    EXPECT_EQ(destination_of({"Example.COM", 0}), "example.com");
}

}  // namespace
}  // namespace sims::office
