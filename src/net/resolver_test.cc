#include "net/resolver.h"

#include <optional>

#include <gtest/gtest.h>

#include "net/dns_rdata.h"
#include "net/dns_server_for_tests.h"
#include "net/net_fixture.h"

namespace sims::net {
namespace {

using namespace std::string_literals;

class ResolverTest : public NetTest {
protected:
    ResolverTest() {
        settings.servers = {dns.address()};
        resolver = Resolver::open(reactors.at(1), settings, log).value();
    }
    ~ResolverTest() override { reactors.stop(); }

    DnsServerForTests dns;
    NullLog log;
    ResolverSettings settings;
    std::unique_ptr<Resolver> resolver;
};

TEST_F(ResolverTest, MxRecordsAsTheyAre) {
    dns.mx("example.test", 20, "MX2.example.test");
    dns.mx("example.test", 10, "mx1.example.test");
    const MxAnswer answer = run(resolver->mx("example.test"));
    ASSERT_EQ(DnsOutcome::answer, answer.outcome) << answer.reason;
    ASSERT_EQ(2U, answer.records.size());
    const std::size_t first = answer.records[0].preference == 10 ? 0 : 1;
    EXPECT_EQ("mx1.example.test", answer.records[first].host);
    EXPECT_EQ("mx2.example.test", answer.records[1 - first].host);
    EXPECT_EQ(20, answer.records[1 - first].preference);
    EXPECT_FALSE(answer.secure);
}

TEST_F(ResolverTest, TheNullMxHasNoHost) {
    dns.mx("null.example.org", 0, "");
    const MxAnswer answer = run(resolver->mx("null.example.org"));
    ASSERT_EQ(DnsOutcome::answer, answer.outcome) << answer.reason;
    ASSERT_EQ(1U, answer.records.size());
    EXPECT_EQ("", answer.records[0].host);
}

TEST_F(ResolverTest, BothKindsOfAddress) {
    dns.address("host.example.org", "192.0.2.1");
    dns.address("host.example.org", "2001:db8::1");
    dns.address("old.example.org", "192.0.2.2");
    const AddressAnswer both = run(resolver->addresses("host.example.org"));
    EXPECT_EQ((std::vector<std::string>{"2001:db8::1", "192.0.2.1"}), both.addresses) << both.reason;
    const AddressAnswer one = run(resolver->addresses("old.example.org"));
    EXPECT_EQ(std::vector<std::string>{"192.0.2.2"}, one.addresses) << one.reason;
}

TEST_F(ResolverTest, TextsAreJoined) {
    dns.text("example.org", {"v=spf1 ", "-all"});
    const TextAnswer answer = run(resolver->text("example.org"));
    EXPECT_EQ(std::vector<std::string>{"v=spf1 -all"}, answer.texts) << answer.reason;
}

TEST_F(ResolverTest, ToldApartWhyThereIsNothing) {
    dns.address("host.example.org", "192.0.2.1");
    dns.fails("broken.example.org");
    EXPECT_EQ(DnsOutcome::no_data, run(resolver->mx("host.example.org")).outcome);
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->mx("nobody.example.org")).outcome);
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->addresses("nobody.test")).outcome);
    const MxAnswer broken = run(resolver->mx("broken.example.org"));
    EXPECT_EQ(DnsOutcome::failed, broken.outcome);
    EXPECT_FALSE(broken.reason.empty());
    EXPECT_EQ(DnsOutcome::failed, run(resolver->addresses("broken.example.org")).outcome);
}

TEST_F(ResolverTest, NamesNobodyCouldKnowAreNotAsked) {
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->mx("")).outcome);
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->mx("a..example.org")).outcome);
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->text(std::string(64, 'a') + ".example.org")).outcome);
    EXPECT_EQ(DnsOutcome::no_such_name, run(resolver->addresses("a b.example.org")).outcome);
}

TEST(Resolver, RefusesServersThatAreNoAddress) {
    asio::io_context reactor;
    NullLog log;
    ResolverSettings settings;
    settings.servers = {"dns.example.org:53"};
    EXPECT_FALSE(Resolver::open(reactor, settings, log));
}

TEST(DnsRdata, ReadsAllOrNothing) {
    const auto mx = decode_mx("\0\x0a\x03MX1\x07"s + "example\0"s);
    ASSERT_TRUE(mx);
    EXPECT_EQ(10, mx->preference);
    EXPECT_EQ("mx1.example", mx->host);
    EXPECT_EQ("", decode_mx("\0\0\0"s)->host);
    EXPECT_FALSE(decode_mx("\0\0"s));          // no host
    EXPECT_FALSE(decode_mx("\0\0\3mx"s));      // label cut short
    EXPECT_FALSE(decode_mx("\0\0\2mx"s));      // no root
    EXPECT_FALSE(decode_mx("\0\0\2mx\0x"s));   // octets left over
    EXPECT_FALSE(decode_mx("\0\0\xc0\x0c"s));  // a pointer to nowhere
    EXPECT_FALSE(decode_mx("\0\0\3a.b\0"s));   // a dot inside a label
    EXPECT_EQ("192.0.2.1", decode_address("\xc0\0\2\1"s));
    EXPECT_FALSE(decode_address("\xc0\0\2"s));
    EXPECT_EQ("ab", decode_text("\1a\0\1b"s));
    EXPECT_FALSE(decode_text("\2a"s));
    EXPECT_FALSE(decode_text(""));
}

TEST(DnsRdata, NamesHaveLimits) {
    const std::string label(63, 'a');
    EXPECT_TRUE(is_dns_name(label + ".example.org"));
    EXPECT_TRUE(is_dns_name("example.org."));
    EXPECT_FALSE(is_dns_name("a" + label + ".example.org"));
    EXPECT_TRUE(is_dns_name(label + "." + label + "." + label + "." + std::string(61, 'b')));
    EXPECT_FALSE(is_dns_name(label + "." + label + "." + label + "." + std::string(62, 'b')));
    EXPECT_FALSE(is_dns_name("."));
    EXPECT_FALSE(is_dns_name(".example.org"));
    EXPECT_FALSE(is_dns_name("exa\\mple.org"));
    EXPECT_FALSE(is_dns_name("m\xc3\xbcnchen.example"));
}

}  // namespace
}  // namespace sims::net
