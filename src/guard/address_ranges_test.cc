#include "guard/address_ranges.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sims::guard {
namespace {

AddressRanges ranges(const std::vector<std::string>& items) { return AddressRanges::parse(items).value(); }

TEST(AddressRanges, ReadsSinglesRangesAndBlocks) {
    const auto list = ranges(
        {"192.0.2.7", "12.34.50.01-12.34.59.99", "10.0.0.0/8", "2001:db8::/32", " fe80::1 - fe80::ff "});
    for (const auto* in : {"192.0.2.7", "192.000.002.007", "12.34.50.1", "12.34.55.0", "12.34.59.99",
                           "10.255.255.255", "2001:db8:ffff::1", "fe80::80", "::ffff:10.1.2.3"}) {
        EXPECT_TRUE(list.contains(in)) << in;
    }
    for (const auto* out :
         {"192.0.2.6", "192.0.2.8", "12.34.50.0", "12.34.59.100", "11.0.0.0", "9.255.255.255",
          "2001:db9::", "fe80::", "fe80::100", "", "localhost", "192.0.2.7/32"}) {
        EXPECT_FALSE(list.contains(out)) << out;
    }
}

TEST(AddressRanges, LeadingZerosAreDecimal) {
    EXPECT_TRUE(ranges({"010.010.010.010"}).contains("10.10.10.10"));
    EXPECT_FALSE(ranges({"010.010.010.010"}).contains("8.8.8.8"));
}

TEST(AddressRanges, BlocksOfEverySize) {
    EXPECT_TRUE(ranges({"0.0.0.0/0"}).contains("255.255.255.255"));
    EXPECT_FALSE(ranges({"0.0.0.0/0"}).contains("2001:db8::1")) << "all of IPv4 is not IPv6";
    EXPECT_TRUE(ranges({"192.0.2.129/25"}).contains("192.0.2.128")) << "bits behind the prefix do not count";
    EXPECT_FALSE(ranges({"192.0.2.129/25"}).contains("192.0.2.127"));
    EXPECT_TRUE(ranges({"::1/128"}).contains("::1"));
    EXPECT_FALSE(ranges({"::1/128"}).contains("::2"));
}

TEST(AddressRanges, EmptyContainsNothing) {
    EXPECT_TRUE(ranges({}).empty());
    EXPECT_FALSE(ranges({}).contains("127.0.0.1"));
    EXPECT_FALSE(AddressRanges().contains("::1"));
}

TEST(AddressRanges, NamesTheFaultyItem) {
    for (const auto* bad :
         {"", "localhost", "1.2.3", "1.2.3.4-", "-1.2.3.4", "1.2.3.9-1.2.3.4", "1.2.3.4-::1", "1.2.3.4/33",
          "::/129", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/8x", "/8", "1.2.3.256"}) {
        const auto list = AddressRanges::parse({"10.0.0.1", bad});
        ASSERT_FALSE(list.has_value()) << bad;
        EXPECT_EQ(list.error().fault, Fault::invalid);
        EXPECT_THAT(list.error().text, testing::HasSubstr(bad));
    }
}

TEST(AddressRanges, AgreesWithLookingThroughTheList) {
    EXPECT_TRUE(rc::check("overlapping, touching and nested ranges", [] {
        const auto octet = rc::gen::inRange(0, 40);
        const auto pairs = *rc::gen::container<std::vector<std::pair<int, int>>>(rc::gen::pair(octet, octet));
        std::vector<std::string> items;
        for (const auto& [a, b] : pairs) {
            items.push_back("10.0.0." + std::to_string(std::min(a, b)) + "-10.0.0." +
                            std::to_string(std::max(a, b)));
        }
        const auto list = ranges(items);
        for (int i = 0; i < 42; ++i) {
            const bool inside = std::any_of(pairs.begin(), pairs.end(), [i](const auto& p) {
                return std::min(p.first, p.second) <= i && i <= std::max(p.first, p.second);
            });
            RC_ASSERT(list.contains("10.0.0." + std::to_string(i)) == inside);
        }
    }));
}

}  // namespace
}  // namespace sims::guard
