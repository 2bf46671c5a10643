#include "admin/target.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "admin/metrics.h"

namespace sims::admin {
namespace {

using Words = std::vector<std::string>;

TEST(Target, path_and_query_are_decoded) {
    const auto target = parse_target("/api/v1/accounts/joe%40example.net?x=a+b&y=%2B&z");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, (Words{"api", "v1", "accounts", "joe@example.net"}));
    EXPECT_EQ(*target->parameter("x"), "a b");
    EXPECT_EQ(*target->parameter("y"), "+");
    EXPECT_EQ(*target->parameter("z"), "");
    EXPECT_EQ(target->parameter("w"), nullptr);
}

TEST(Target, a_slash_too_many_is_no_segment) {
    EXPECT_EQ(parse_target("/")->path, Words{});
    EXPECT_EQ(parse_target("//a//b/")->path, (Words{"a", "b"}));
    EXPECT_EQ(parse_target("/?a=1")->path, Words{});
}

TEST(Target, broken_ones_are_refused) {
    for (const auto* bad : {"", "*", "http://x/", "/%", "/%4", "/%zz", "/%00", "/a?b=%0a"})
        EXPECT_FALSE(parse_target(bad)) << bad;
    EXPECT_FALSE(parse_target("/" + std::string(TargetLimits::bytes_max, 'a')));
    std::string deep;
    for (std::size_t i = 0; i <= TargetLimits::segments_max; ++i) deep += "/a";
    EXPECT_FALSE(parse_target(deep));
    std::string wide = "/?";
    for (std::size_t i = 0; i <= TargetLimits::parameters_max; ++i) wide += "a=1&";
    EXPECT_FALSE(parse_target(wide));
}

TEST(Target, what_is_encoded_reads_back) {
    EXPECT_TRUE(rc::check("encode and parse are inverse", [](std::string text) {
        // Control characters are refused, so they are not among the words.
        for (auto& c : text) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '%';
        }
        text.push_back('/');
        const auto target = parse_target("/" + percent_encode(text) + "?a=" + percent_encode(text));
        RC_ASSERT(target.has_value());
        RC_ASSERT(target->path == Words{text});
        RC_ASSERT(*target->parameter("a") == text);
    }));
}

TEST(Metrics, help_and_type_come_once_for_each_name) {
    const std::vector<Metric> metrics{
        {"sims_accounts", "Accounts.", MetricType::gauge, "", "", 3},
        {"sims_connections", "Now.", MetricType::gauge, "service", "smtp", 1},
        {"sims_connections", "Now.", MetricType::gauge, "service", "p\"\\\n", 12345678}};
    EXPECT_EQ(render_metrics(metrics),
              "# HELP sims_accounts Accounts.\n# TYPE sims_accounts gauge\nsims_accounts 3\n"
              "# HELP sims_connections Now.\n# TYPE sims_connections gauge\n"
              "sims_connections{service=\"smtp\"} 1\nsims_connections{service=\"p\\\"\\\\\\n\"} 12345678\n");
}

}  // namespace
}  // namespace sims::admin
