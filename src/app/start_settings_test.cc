#include "app/start_settings.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace sims::app {
namespace {

const HostNames host{"mail.host.example", "host.example"};

std::string first_fault(std::string_view toml) {
    const auto parsed = parse_start_settings(toml, host);
    return parsed.faults.empty() ? std::string() : parsed.faults.front().sentence("sims.toml");
}

TEST(StartSettings, an_empty_file_means_the_defaults) {
    const auto parsed = parse_start_settings("", host);
    ASSERT_TRUE(parsed.faults.empty());
    const auto& settings = parsed.settings;
    EXPECT_EQ(settings.domain, "host.example");
    EXPECT_EQ(settings.hostname, "mail.host.example");
    EXPECT_EQ(settings.user, "");
    EXPECT_EQ(settings.listen, ListenSettings{});
    EXPECT_EQ(settings.listen.smtp, (std::vector<ListenAddress>{{"::", 25}}));
    EXPECT_EQ(settings.listen.submission, (std::vector<ListenAddress>{{"::", 587}}));
    EXPECT_EQ(settings.listen.submissions, (std::vector<ListenAddress>{{"::", 465}}));
    EXPECT_EQ(settings.listen.pop3, (std::vector<ListenAddress>{{"::", 110}}));
    EXPECT_EQ(settings.listen.pop3s, (std::vector<ListenAddress>{{"::", 995}}));
    EXPECT_EQ(settings.listen.poppassd, (std::vector<ListenAddress>{{"127.0.0.1", 106}})) << "never in clear";
    EXPECT_TRUE(settings.listen.poppassds.empty());
    EXPECT_EQ(settings.listen.admin, (std::vector<ListenAddress>{{"127.0.0.1", 8100}}));
    EXPECT_EQ(settings.outbound_port, 25);
}

TEST(StartSettings, every_key_is_read) {
    const auto parsed = parse_start_settings(R"(
domain   = "Example.ORG"
hostname = "mail.example.org"
user     = "mail"
[listen]
smtp        = ["127.0.0.1:2525", "[::1]:2525"]
submission  = []
submissions = ["127.0.0.1:2465"]
pop3        = ["127.0.0.1:2110"]
pop3s       = []
poppassd    = ["127.0.0.1:2106"]
poppassds   = []
admin       = ["127.0.0.1:2810"]
appletalk   = ["ltoudp"]
[tls]
certificate = "a.pem"
key = "b.pem"
[dns]
servers = ["127.0.0.1:5353"]
[outbound]
port = 2026
[storage]
engine = "embedded"
)",
                                             host);
    ASSERT_TRUE(parsed.faults.empty()) << parsed.faults.front().sentence("sims.toml");
    const auto& settings = parsed.settings;
    EXPECT_EQ(settings.domain, "example.org");
    EXPECT_EQ(settings.hostname, "mail.example.org");
    EXPECT_EQ(settings.user, "mail");
    EXPECT_EQ(settings.listen.smtp, (std::vector<ListenAddress>{{"127.0.0.1", 2525}, {"::1", 2525}}));
    EXPECT_TRUE(settings.listen.submission.empty());
    EXPECT_TRUE(settings.listen.pop3s.empty());
    EXPECT_EQ(settings.listen.poppassd, (std::vector<ListenAddress>{{"127.0.0.1", 2106}}));
    EXPECT_TRUE(settings.listen.poppassds.empty());
    EXPECT_EQ(settings.listen.unavailable, std::vector<std::string>{"appletalk"});
    EXPECT_EQ(settings.certificate, "a.pem");
    EXPECT_EQ(settings.key, "b.pem");
    EXPECT_EQ(settings.dns_servers, std::vector<std::string>{"127.0.0.1:5353"});
    EXPECT_EQ(settings.outbound_port, 2026);
}

TEST(StartSettings, a_fault_names_line_and_key) {
    EXPECT_EQ(first_fault("domian = \"x\""), "sims.toml:1: key 'domian': there is no such key");
    EXPECT_EQ(first_fault("\n[listen]\nsmpt = []"), "sims.toml:3: key 'listen.smpt': there is no such key");
    EXPECT_EQ(first_fault("domain = 7"), "sims.toml:1: key 'domain': must be a text in quotes");
    EXPECT_EQ(first_fault("domain = \"a b\""), "sims.toml:1: key 'domain': \"a b\" is not a domain name");
    EXPECT_EQ(first_fault("hostname = \"\""), "sims.toml:1: key 'hostname': \"\" is not a domain name");
    EXPECT_EQ(first_fault("listen = 1"), "sims.toml:1: key 'listen': must be a section, [listen]");
    EXPECT_EQ(first_fault("[listen]\nsmtp = \"127.0.0.1:25\""),
              "sims.toml:2: key 'listen.smtp': must be a list of texts, as in [\"127.0.0.1:25\"]");
    EXPECT_EQ(first_fault("[listen]\nsmtp = [\n25]"),
              "sims.toml:3: key 'listen.smtp': must be a text in quotes");
    EXPECT_EQ(
        first_fault("[listen]\nsmtp = [\"localhost:25\"]"),
        "sims.toml:2: key 'listen.smtp': \"localhost:25\" is not \"address:port\": the address must be a "
        "number, as in 127.0.0.1:25 or [::]:25");
    EXPECT_EQ(first_fault("[listen]\npop3 = [\"127.0.0.1\"]"),
              "sims.toml:2: key 'listen.pop3': \"127.0.0.1\" is not \"address:port\": the port is missing");
    EXPECT_EQ(
        first_fault("[listen]\npop3 = [\"127.0.0.1:0\"]"),
        "sims.toml:2: key 'listen.pop3': \"127.0.0.1:0\" is not \"address:port\": the port must be 1 to "
        "65535");
    EXPECT_EQ(
        first_fault("[listen]\npop3 = [\"::1:110\"]"),
        "sims.toml:2: key 'listen.pop3': \"::1:110\" is not \"address:port\": an IPv6 address stands in "
        "brackets, as in [::1]:25");
    EXPECT_EQ(first_fault("[listen]\npop3 = [\"127.0.0.1:25\"]\nsmtp = [\"127.0.0.1:25\"]"),
              "sims.toml:3: key 'listen.smtp': 127.0.0.1:25 is given to 'listen.pop3' already");
    EXPECT_EQ(first_fault("[tls]\ncertificate = \"a.pem\""),
              "sims.toml:1: key 'tls.key': a certificate and its key go together: give both or none");
    EXPECT_EQ(first_fault("[dns]\nservers = [\"here\"]"),
              "sims.toml:2: key 'dns.servers': \"here\" is not \"address:port\": the port is missing");
    EXPECT_EQ(first_fault("[outbound]\nport = 70000"),
              "sims.toml:2: key 'outbound.port': must be a port number, 1 to 65535");
    EXPECT_EQ(first_fault("[storage]\nengine = \"ceph\""),
              "sims.toml:2: key 'storage.engine': \"ceph\" is not an engine of this server: there is "
              "\"embedded\"");
}

TEST(StartSettings, bad_toml_names_its_line) {
    const auto fault = first_fault("domain = \"a.example\"\nhostname = \n");
    EXPECT_TRUE(fault.starts_with("sims.toml:2: ")) << fault;
}

TEST(StartSettings, the_first_fault_of_several_is_the_topmost) {
    const auto parsed = parse_start_settings("user = 1\nport = 2\ndomain = 3\n", host);
    ASSERT_EQ(parsed.faults.size(), 3U);
    EXPECT_EQ(parsed.faults[0].line, 1U);
    EXPECT_EQ(parsed.faults[1].line, 2U);
    EXPECT_EQ(parsed.faults[2].line, 3U);
}

TEST(ListenAddress, its_text_reads_back) {
    EXPECT_TRUE(rc::check("text() and parse are inverse", [](std::uint16_t port) {
        RC_PRE(port > 0);
        for (const auto* address : {"0.0.0.0", "192.0.2.1", "::", "2001:db8::1"}) {
            const ListenAddress one{address, port};
            const auto again = parse_listen_address(one.text());
            RC_ASSERT(again.has_value());
            RC_ASSERT(*again == one);
        }
    }));
}

}  // namespace
}  // namespace sims::app
