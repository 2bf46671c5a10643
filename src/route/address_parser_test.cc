#include "route/address_parser.h"

#include <gtest/gtest.h>

namespace sims::route {
namespace {

std::string unfolded(std::string_view local) {
    const auto parts = unfold(local);
    return parts ? parts->local + " at " + parts->domain : "-";
}

TEST(AddressParser, TakesTheDomainOutOfTheLocalPart) {
    EXPECT_EQ(unfolded("x%y"), "x at y");
    EXPECT_EQ(unfolded("x%y%z"), "x%y at z");
    EXPECT_EQ(unfolded("z!y!x"), "y!x at z");
    EXPECT_EQ(unfolded("z!x%y"), "x%y at z") << "'!' binds first";
    EXPECT_EQ(unfolded("x%[192.0.2.1]"), "x at [192.0.2.1]");
}

TEST(AddressParser, LeavesNamesAlone) {
    for (const auto* name : {"x", "", "%", "%y", "x%", "!", "!x", "z!", "100%", "a%b c", "a%-b", "x@y%z",
                             "z!x@y", "@a:x%y", "x%y@"}) {
        EXPECT_EQ(unfolded(name), "-") << name;
    }
}

TEST(AddressParser, ReadsSourceRoutes) {
    const auto read = [](std::string_view text) {
        const auto address = parse_address(text);
        return address ? address->text() : std::string("-");
    };
    EXPECT_EQ(read("<@zzzz:xxxx@yyyyy>"), "xxxx%yyyyy@zzzz");
    EXPECT_EQ(read("<@zzzz: xxxx@yyyyy>"), "xxxx%yyyyy@zzzz");
    EXPECT_EQ(read("@a,@b:x@y"), "x%y%b@a");
    EXPECT_EQ(read(" <joe@example.org> "), "joe@example.org");
    EXPECT_EQ(read("joe"), "joe");
    for (const auto* bad : {"", "<>", "<@a>", "@a:", "@a:x", "@a,b:x@y", "@a:@b:x@y", "@:x@y", "@a b:x@y",
                            "@a,@:x@y", "@a:\"x@z\"@y", "@a:x%z@y"}) {
        EXPECT_EQ(read(bad), "-") << bad;
    }
    std::string hops = "@a";
    for (int i = 0; i < 40; ++i) hops += ",@a";
    EXPECT_EQ(read(hops + ":x@y"), "-");
}

TEST(AddressParser, DomainsHaveOneForm) {
    EXPECT_EQ(routing_domain("Example.ORG."), "example.org");
    EXPECT_EQ(routing_domain("[192.000.002.001]"), "[192.0.2.1]");
    EXPECT_EQ(routing_domain("192.0.2.1"), "[192.0.2.1]");
    EXPECT_EQ(routing_domain("192.0.2.1."), "[192.0.2.1]");
    EXPECT_EQ(routing_domain("[IPv6:2001:DB8::0:1]"), "[2001:db8::1]");
    EXPECT_EQ(routing_domain("[IPv6:::ffff:192.0.2.1]"), "[192.0.2.1]");
    EXPECT_EQ(routing_domain("1.2.3.4.5"), "1.2.3.4.5");
    EXPECT_EQ(routing_domain("[x]"), std::nullopt);
    EXPECT_EQ(routing_domain(""), std::nullopt);
    EXPECT_EQ(routing_domain("."), std::nullopt);
    EXPECT_EQ(literal_of("[192.0.2.1]"), "192.0.2.1");
    EXPECT_EQ(literal_of("example.org"), std::nullopt);
}

}  // namespace
}  // namespace sims::route
