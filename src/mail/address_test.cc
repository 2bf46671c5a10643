#include "mail/address.h"

#include <array>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "mail/ip_text.h"

namespace sims::mail {
namespace {

struct Good {
    std::string_view text, local, domain;
};

TEST(Address, ParsesWhatRfc5321Allows) {
    const std::array<Good, 17> cases{{
        {"joe@example.org", "joe", "example.org"},
        {"Postmaster", "Postmaster", ""},
        {"JOE@Example.ORG.", "JOE", "Example.ORG"},
        {"a.b+tag=x/y@sub.example.org", "a.b+tag=x/y", "sub.example.org"},
        {"user%other.example@here", "user%other.example", "here"},
        {"one!two@here", "one!two", "here"},
        {R"("a b"@example.org)", "a b", "example.org"},
        {R"("a\"b\\c"@example.org)", R"(a"b\c)", "example.org"},
        {R"("joe"@example.org)", "joe", "example.org"},
        {R"(""@example.org)", "", "example.org"},
        {R"("x@y")", "x@y", ""},
        {"joe@[192.0.2.1]", "joe", "[192.0.2.1]"},
        {"joe@[IPv6:2001:db8::1]", "joe", "[IPv6:2001:db8::1]"},
        {"joe@192.0.2.1", "joe", "192.0.2.1"},
        {"joe@_spf.my_host.example", "joe", "_spf.my_host.example"},
        {"j\xc3\xb6@b\xc3\xbc"
         "cher.example",
         "j\xc3\xb6",
         "b\xc3\xbc"
         "cher.example"},
        {"joe@xn--bcher-kva.example", "joe", "xn--bcher-kva.example"},
    }};
    for (const auto& c : cases) {
        const auto address = Address::parse(c.text);
        ASSERT_TRUE(address.has_value()) << c.text << ": " << address.error().text;
        EXPECT_EQ(address->local(), c.local) << c.text;
        EXPECT_EQ(address->domain(), c.domain) << c.text;
    }
}

TEST(Address, RefusesTheRest) {
    using namespace std::string_view_literals;
    const std::array cases{
        ""sv,
        "@example.org"sv,
        "joe@"sv,
        "joe@."sv,
        "joe@example..org"sv,
        "joe@.example.org"sv,
        ".joe@example.org"sv,
        "joe.@example.org"sv,
        "j..oe@example.org"sv,
        "a b@example.org"sv,
        "a@b@example.org"sv,
        "<joe@example.org>"sv,
        "joe@exa mple.org"sv,
        "joe@-a.example"sv,
        "joe@a-.example"sv,
        "joe@example.org.."sv,
        "joe@b\xc3\xbc"
        "cher.example.."sv,
        "joe@ex\0ample.org"sv,
        "jo\0e@example.org"sv,
        "joe@example.org\r\n"sv,
        "joe\r@example.org"sv,
        "joe@[192.0.2.256]"sv,
        "joe@[]"sv,
        "joe@[192.0.2.1"sv,
        "joe@[2001:db8::1]"sv,
        "joe@[IPv6:192.0.2.1]"sv,
        "joe@[IPv6:::g]"sv,
        "joe@[X-a:b]"sv,
        "\"joe@example.org"sv,
        "\"joe\"x@example.org"sv,
        "\"a\tb\"@example.org"sv,
        "\"a\\\x01\"@example.org"sv,
        "\"a\nb\"@example.org"sv,
        "\"\""sv,
        "\"a\\"sv,
        "(c)joe@example.org"sv,
        "joe@ex%ample.org"sv,
        "j\xff"
        "e@example.org"sv,
        "j\xc0\xaf"
        "e@example.org"sv,
        "j\xed\xa0\x80@example.org"sv,
        "joe@\xef\xbc\xa0.example"sv,  // a full-width @ that IDNA maps to @
        "joe@a\xef\xbc\x85"
        "b.example"sv,  // a full-width %
        "joe@xn--\xc3\xbc.example"sv,
    };
    for (const auto text : cases) {
        const auto address = Address::parse(text);
        ASSERT_FALSE(address.has_value()) << text;
        EXPECT_EQ(address.error().fault, Fault::invalid);
    }
}

TEST(Address, EightBitNeedsSmtpUtf8) {
    EXPECT_FALSE(Address::parse("j\xc3\xb6@example.org", Utf8::refused));
    EXPECT_FALSE(
        Address::parse("joe@b\xc3\xbc"
                       "cher.example",
                       Utf8::refused));
    EXPECT_FALSE(Address::make("j\xc3\xb6", "example.org", Utf8::refused));
    EXPECT_TRUE(Address::parse("joe@example.org", Utf8::refused));
    EXPECT_FALSE(Address::parse("j\xc3\xb6@example.org")->is_ascii());
    EXPECT_TRUE(Address::parse("joe@example.org")->is_ascii());
}

TEST(Address, LimitsHold) {
    const std::string local_max(AddressLimits::local_max, 'a');
    EXPECT_TRUE(Address::parse(local_max + "@example.org"));
    EXPECT_FALSE(Address::parse(local_max + "a@example.org"));
    const std::string label(63, 'b');
    const std::string domain = label + "." + label + "." + label + "." + label;
    EXPECT_TRUE(Address::parse("a@" + domain));
    EXPECT_FALSE(Address::parse("a@" + domain + ".c"));
    EXPECT_FALSE(Address::parse("a@b" + label));
    EXPECT_FALSE(Address::parse(std::string(AddressLimits::path_max + 1, 'a')));
}

TEST(Address, TextIsQuotedOnlyWhenItMustBe) {
    EXPECT_EQ(Address::make("a b", "example.org")->text(), R"("a b"@example.org)");
    EXPECT_EQ(Address::make(R"(a"\)", "")->text(), R"("a\"\\")");
    EXPECT_EQ(Address::make("x@y", "example.org")->text(), R"("x@y"@example.org)");
    EXPECT_EQ(Address::parse(R"("plain"@example.org)")->text(), "plain@example.org");
    EXPECT_FALSE(Address::make("a\nb", "example.org"));
    EXPECT_FALSE(Address::make("", ""));
}

TEST(Address, ComparesNames) {
    const auto same = [](std::string_view a, std::string_view b) {
        return *Address::parse(a) == *Address::parse(b);
    };
    EXPECT_TRUE(same("Joe@EXAMPLE.org.", "joe@example.ORG"));
    EXPECT_TRUE(
        same("joe@B\xc3\x9c"
             "CHER.example",
             "joe@xn--bcher-kva.example"));
    EXPECT_TRUE(same("joe@[192.0.2.1]", "joe@[192.000.002.001]"));
    EXPECT_TRUE(same("joe@[IPv6:2001:db8::1]", "joe@[ipv6:2001:DB8:0::1]"));
    EXPECT_FALSE(same("joe@[192.0.2.1]", "joe@[192.0.2.2]"));
    EXPECT_FALSE(same("joe@example.org", "joe@example.com"));
    EXPECT_FALSE(same("joe@example.org", "jo@example.org"));
    EXPECT_FALSE(same("joe", "joe@example.org"));
}

TEST(Address, DomainsBecomeAsciiLabels) {
    EXPECT_EQ(ascii_domain("B\xc3\xbc"
                           "cher.Example."),
              "xn--bcher-kva.example");
    EXPECT_EQ(ascii_domain("Example.ORG"), "example.org");
    EXPECT_EQ(ascii_domain("[192.0.2.1]"), std::nullopt);
    EXPECT_EQ(ascii_domain(""), std::nullopt);
    EXPECT_EQ(ascii_domain("a..b"), std::nullopt);
    EXPECT_EQ(ascii_domain("\xff"), std::nullopt);
}

TEST(Address, EveryAddressReadsBackFromItsText) {
    EXPECT_TRUE(rc::check("text() round-trips", [] {
        const auto byte = rc::gen::inRange<char>(' ', 0x7f);
        const auto local = *rc::gen::container<std::string>(byte);
        const auto made = Address::make(local, "example.org");
        RC_ASSERT(made.has_value());
        const auto parsed = Address::parse(made->text());
        RC_ASSERT(parsed.has_value());
        RC_ASSERT(parsed->local() == local);
        RC_ASSERT(parsed->text() == made->text());
    }));
}

TEST(IpText, OneSpellingForEachAddress) {
    const auto text = [](std::string_view from) {
        const auto ip = parse_ip(from);
        return ip ? ip_text(*ip) : std::string("-");
    };
    EXPECT_EQ(text("010.001.000.09"), "10.1.0.9");
    EXPECT_EQ(text("::ffff:192.0.2.1"), "192.0.2.1");
    EXPECT_EQ(text("2001:DB8:0:0::1"), "2001:db8::1");
    for (const auto* bad :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.0004", "1.2.3.4 ", "::1%lo", "1.2.3.-4", ":"}) {
        EXPECT_EQ(text(bad), "-") << bad;
    }
    EXPECT_EQ(text(std::string_view("::1\0", 4)), "-");
}

}  // namespace
}  // namespace sims::mail
