#include "directory/settings.h"

#include <set>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "directory/directory.h"
#include "directory/values.h"

namespace sims::directory {
namespace {

std::string normal(std::string_view service, std::string_view key, std::string_view value) {
    const auto* spec = find_setting(service, key);
    if (spec == nullptr) return "no such setting";
    const auto result = normalize_setting(*spec, value);
    return result ? *result : "refused: " + result.error().text;
}

TEST(Settings, EverySpecIsSoundAndItsDefaultIsNormal) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const auto& spec : setting_specs()) {
        EXPECT_TRUE(seen.emplace(spec.service, spec.key).second) << spec.key;
        EXPECT_TRUE(spec.sentence.ends_with('.')) << spec.key;
        EXPECT_EQ(normal(spec.service, spec.key, spec.default_value), spec.default_value) << spec.key;
        EXPECT_TRUE(Settings().is_default(spec.service, spec.key));
    }
}

TEST(Settings, TheContractsKeysAreThere) {
    for (const std::string_view service : {"smtp", "pop", "pwd", "notify", "admin", "appletalk"}) {
        for (const std::string_view key : {"log_level", "connections", "connections_per_address"}) {
            EXPECT_NE(find_setting(service, key), nullptr) << service << " " << key;
        }
    }
    for (const std::string_view key :
         {"client_hosts", "mobile_minutes", "black_list", "dns_black_lists", "dns_white_lists", "verify_helo",
          "verify_return_path", "message_size", "recipients", "retry_schedule", "warn_after", "return_after",
          "destination_connections", "smart_host"}) {
        EXPECT_NE(find_setting("smtp", key), nullptr) << key;
    }
    for (const std::string_view key : {"login_delay", "expire", "idle_timeout"})
        EXPECT_NE(find_setting("pop", key), nullptr);
    for (const std::string_view key : {"minimum_length", "wrong_password_pause"})
        EXPECT_NE(find_setting("pwd", key), nullptr);
    for (const std::string_view key : {"name", "nbp_types", "clients_may_relay", "eom"}) {
        EXPECT_NE(find_setting("appletalk", key), nullptr);
    }
    EXPECT_EQ(Settings().number("notify", "port"), 79);
    EXPECT_FALSE(Settings().boolean("notify", "allow_private"));
    EXPECT_EQ(Settings().number("smtp", "message_size"), 52428800);
    EXPECT_EQ(Settings().number("pop", "idle_timeout"), 600);
    EXPECT_TRUE(Settings().list("smtp", "client_hosts").empty());
}

TEST(Settings, ValuesBecomeCanonical) {
    EXPECT_EQ(normal("pop", "idle_timeout", "900"), "15m");
    EXPECT_EQ(normal("smtp", "message_size", " 50M "), "52428800");
    EXPECT_EQ(normal("smtp", "message_size", "64KB"), "65536");
    EXPECT_EQ(normal("smtp", "verify_helo", "YES"), "true");
    EXPECT_EQ(normal("smtp", "log_level", "Low-Level"), "low-level");
    EXPECT_EQ(normal("smtp", "client_hosts", "10.0.0.1 , 10.1.0.0/16,,"), "10.0.0.1,10.1.0.0/16");
    EXPECT_EQ(normal("smtp", "client_hosts", R"(["10.0.0.1", "::1"])"), "10.0.0.1,::1");
    EXPECT_EQ(normal("smtp", "client_hosts", "[]"), "");
    EXPECT_EQ(normal("smtp", "retry_schedule", "300, 600s,30m*1d,2h"), "5m,10m,30m*1d,2h");
    EXPECT_EQ(normal("smtp", "smart_host", "relay.example.org:2525"), "relay.example.org:2525");
    EXPECT_EQ(normal("pop", "idle_timeout", ""), "10m");  // back to the default
    EXPECT_EQ(normal("smtp", "client_hosts", ""), "");
}

TEST(Settings, RefusalsNameTheKeyAndWhatIsWanted) {
    EXPECT_EQ(normal("notify", "port", "70000"),
              "refused: notify port: \"70000\" is not a number from 1 to 65535");
    EXPECT_EQ(normal("pop", "idle_timeout", "soon"),
              "refused: pop idle_timeout: \"soon\" is not a time from 1s to 1d, such as 90s, 15m, 4h or 5d");
    EXPECT_EQ(normal("smtp", "verify_helo", "maybe"),
              "refused: smtp verify_helo: \"maybe\" is not true or false");
    for (const std::string_view bad : {"5m,", "x", "0", "5m*1m", "5m**1d"}) {
        EXPECT_TRUE(normal("smtp", "retry_schedule", bad).starts_with("refused")) << bad;
    }
    EXPECT_TRUE(normal("smtp", "client_hosts", R"(["a,b"])").starts_with("refused"));
    EXPECT_TRUE(normal("smtp", "client_hosts", "[],").starts_with("refused"));  // found by fuzzing
    EXPECT_TRUE(normal("smtp", "client_hosts", R"(,["a"])").starts_with("refused"));
    EXPECT_TRUE(normal("smtp", "client_hosts", R"(["a", 5])").starts_with("refused"));
    EXPECT_TRUE(normal("smtp", "smart_host", "two words").starts_with("refused"));
    EXPECT_TRUE(normal("appletalk", "eom", "on").starts_with("refused"));
    EXPECT_TRUE(normal("appletalk", "name", "a\nb").starts_with("refused"));
    EXPECT_TRUE(normal("appletalk", "name", "\xff").starts_with("refused"));
    EXPECT_TRUE(normal("smtp", "message_size", "99999999999999999999").starts_with("refused"));
    EXPECT_TRUE(normal("smtp", "black_list", std::string(setting_bytes_max + 1, 'a')).starts_with("refused"));
}

TEST(Settings, WithChangesOneValueOfACopy) {
    const Settings before;
    const auto after = before.with("smtp", "client_hosts", "10.0.0.1,10.0.0.2");
    EXPECT_EQ(after.list("smtp", "client_hosts"), (std::vector<std::string>{"10.0.0.1", "10.0.0.2"}));
    EXPECT_FALSE(after.is_default("smtp", "client_hosts"));
    EXPECT_TRUE(before.is_default("smtp", "client_hosts"));
}

TEST(Values, ListsReadBack) {
    EXPECT_TRUE(rc::check("joined by commas and parsed again", [](const std::vector<std::string>& raw) {
        std::string joined;
        for (const auto& item : raw) joined += item + ",";
        if (const auto items = parse_list(joined)) {
            std::string again;
            for (const auto& item : *items) again += item + ",";
            const auto second = parse_list(again);
            RC_ASSERT(second.has_value());
            RC_ASSERT(*second == *items);
        }
    }));
}

TEST(Values, Utf8) {
    for (const std::string_view good : {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
        EXPECT_TRUE(is_utf8(good));
    for (const std::string_view bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                                       "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

TEST(AccountName, Rules) {
    for (const std::string_view good : {"joe", "Joe.Doe", "L-staff", "a", "x_1-2"})
        EXPECT_TRUE(check_account_name(good)) << good;
    for (const std::string_view bad :
         {"", ".joe", "joe.", "..", "a/b", "a b", "joe.lock", "JOE.LOCK", "a@b", "caf\xc3\xa9"}) {
        EXPECT_FALSE(check_account_name(bad)) << bad;
    }
    EXPECT_TRUE(check_account_name(std::string(64, 'a')));
    EXPECT_FALSE(check_account_name(std::string(65, 'a')));
    EXPECT_TRUE(is_mirror_name("l-staff"));
    EXPECT_FALSE(is_mirror_name("L-"));
}

TEST(Attributes, LoaderNamesAndValues) {
    AccountChange change;
    EXPECT_TRUE(apply_attribute(change, "realname", "Joe Doe"));
    EXPECT_TRUE(apply_attribute(change, "AccountEnabled", "FALSE"));
    EXPECT_TRUE(apply_attribute(change, "sizelimit", "-1"));
    EXPECT_TRUE(apply_attribute(change, "NotifyMode", "notify ip"));
    EXPECT_TRUE(apply_attribute(change, "ForwardAddress", "192.0.2.1"));
    EXPECT_EQ(change.full_name, "Joe Doe");
    EXPECT_EQ(change.enabled, false);
    EXPECT_EQ(change.size_limit_kbytes, 0);
    EXPECT_EQ(change.notify_mode, NotifyMode::last_address);
    EXPECT_EQ(change.notify_address, "192.0.2.1");
    EXPECT_EQ(apply_attribute(change, "Shoe", "44").error().fault, Fault::not_found);
    for (const auto& [key, value] : {std::pair{"SizeLimit", "many"},
                                     {"SizeLimit", "-2"},
                                     {"APOPrequired", "2"},
                                     {"NotifyMode", "Loud"},
                                     {"NotifyAddress", "nowhere"},
                                     {"FullName", "a\nb"}}) {
        const auto result = apply_attribute(change, key, value);
        ASSERT_FALSE(result) << key;
        EXPECT_EQ(result.error().fault, Fault::invalid);
        EXPECT_TRUE(result.error().text.starts_with(key));
    }
}

}  // namespace
}  // namespace sims::directory
