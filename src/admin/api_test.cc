// The API as scripts see it: requests in, JSON out, over a real office in a temporary folder.
#include "admin/api.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "admin/authority.h"
#include "admin/openapi.h"
#include "base/text.h"
#include "os/posix_file_system.h"

namespace sims::admin {
namespace {

namespace json = boost::json;

// Keeps the lines of the service admin.
class AdminLog final : public Log {
public:
    std::vector<std::string> lines;

protected:
    void write(const LogLine& line) override {
        if (line.service == Service::admin) lines.emplace_back(line.text);
    }
};

template <class T>
T value_of(Result<T> result) {
    EXPECT_TRUE(result) << (result ? "" : result.error().text);
    return std::move(*result);
}

class Api : public testing::Test {
protected:
    Api() {
        std::string pattern = testing::TempDir() + "/sims-admin-XXXXXX";
        base_ = ::mkdtemp(pattern.data());
        for (const auto* folder : {"Accounts", "Queue", "Index", "Logs"}) {
            std::filesystem::create_directories(base_ + "/" + folder);
        }
        files_ = os::make_posix_file_system();
        directory_ = value_of(directory::Directory::open(base_ + "/Directory", "example.org", clock(), log_));
        store_ = value_of(store::MailboxStore::open(*files_, base_, {}, log_));
        spool_ = value_of(queue::Spool::open(*files_, base_ + "/Queue", {}, clock(), log_));
        office::OfficeSettings settings;
        settings.hostname = "mail.example.org";
        office_ = value_of(office::PostOffice::open(
            {*files_, base_, *directory_, *store_, *spool_, log_, clock()}, settings));
        operations_.emplace(Operations::Parts{*directory_, *office_, *store_, *files_, log_, clock()}, base_);
    }
    ~Api() override {
        operations_.reset();
        office_.reset();
        spool_.reset();
        store_.reset();
        directory_.reset();
        std::filesystem::remove_all(base_);
    }

    static Clock clock() {
        return [] { return *parse_rfc3339("2026-11-22T12:00:00Z"); };
    }

    Answer ask(std::string method, std::string_view path, const json::value& body = nullptr) {
        ApiRequest request;
        request.method = std::move(method);
        request.target = *parse_target("/api/v1/" + std::string(path));
        if (!body.is_null()) request.body = json::serialize(body);
        request.caller = {"tester", "192.0.2.7"};
        return answer_api(*operations_, request);
    }
    json::value get(std::string_view path) {
        const auto answer = ask("GET", path);
        EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
        return json::parse(answer.body);
    }
    // "code field" of a refusal.
    static std::string refusal(const Answer& answer) {
        const auto error = json::parse(answer.body).at("error").as_object();
        EXPECT_TRUE(error.at("message").is_string());
        const auto* field = error.if_contains("field");
        return std::string(error.at("code").as_string()) +
               (field != nullptr ? " " + std::string(field->as_string()) : "");
    }
    void add(std::string_view name) {
        const auto answer = ask("POST", "accounts", {{"UserName", name}});
        ASSERT_EQ(answer.status, 201) << answer.body;
    }

    std::string base_;
    AdminLog log_;
    std::unique_ptr<os::FileSystem> files_;
    std::unique_ptr<directory::Directory> directory_;
    std::unique_ptr<store::MailboxStore> store_;
    std::unique_ptr<queue::Spool> spool_;
    std::unique_ptr<office::PostOffice> office_;
    std::optional<Operations> operations_;
};

TEST_F(Api, an_account_has_the_shape_scripts_rely_on) {
    const auto made =
        ask("POST", "accounts", {{"UserName", "joe"}, {"FullName", "Joe"}, {"SizeLimit", 5000}});
    ASSERT_EQ(made.status, 201) << made.body;
    const json::value expected{{"UserName", "joe"},    {"FullName", "Joe"},   {"AccountEnabled", true},
                               {"LoginEnabled", true}, {"SizeLimit", 5000},   {"APOPrequired", false},
                               {"NotifyMode", "None"}, {"NotifyAddress", ""}, {"Administrator", false},
                               {"messages", 0},        {"bytes", 0},          {"last_login", nullptr}};
    EXPECT_EQ(json::parse(made.body), expected);
    EXPECT_EQ(get("accounts"), json::value(json::array{expected}));
    EXPECT_EQ(get("accounts/JOE@Example.Org"), expected);

    directory_->note_login({"joe", {}}, {clock()(), "192.0.2.1", "pop"});
    EXPECT_EQ(get("accounts/joe").at("last_login"),
              (json::value{{"time", "2026-11-22T12:00:00Z"}, {"address", "192.0.2.1"}, {"service", "pop"}}));
}

TEST_F(Api, accounts_are_changed_renamed_removed) {
    add("joe");
    EXPECT_EQ(ask("PATCH", "accounts/joe", {{"LoginEnabled", false}, {"NotifyMode", "Notify IP"}}).status,
              200);
    EXPECT_EQ(get("accounts/joe").at("LoginEnabled"), false);
    EXPECT_EQ(get("accounts/joe").at("NotifyMode"), "Notify IP");
    EXPECT_EQ(ask("POST", "accounts/joe/rename", {{"to", "jim"}}).status, 200);
    EXPECT_EQ(ask("GET", "accounts/joe").status, 404);
    EXPECT_EQ(ask("DELETE", "accounts/jim").status, 204);
    EXPECT_EQ(ask("GET", "accounts/jim").status, 404);
}

TEST_F(Api, refusals_name_the_field) {
    add("joe");
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"UserName", "joe"}})), "exists UserName");
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"UserName", "a/b"}})), "invalid UserName");
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"UserName", "x@elsewhere.example"}})), "not_found UserName");
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"FullName", "x"}})), "invalid UserName");
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"UserName", "x"}, {"Shoe", 1}})), "invalid Shoe");
    EXPECT_EQ(refusal(ask("PATCH", "accounts/joe", {{"SizeLimit", "many"}})), "invalid SizeLimit");
    EXPECT_EQ(refusal(ask("PATCH", "accounts/joe", {{"UserName", "x"}})), "invalid UserName");
    EXPECT_EQ(refusal(ask("PUT", "accounts/joe/password", {{"password", ""}})), "invalid password");
    EXPECT_EQ(refusal(ask("PUT", "accounts/joe/password", {{"pass", "x"}})), "invalid pass");
    EXPECT_EQ(refusal(ask("PATCH", "accounts/joe", json::array{1})), "invalid");
    EXPECT_EQ(refusal(ask("GET", "accounts/nobody")), "not_found UserName");
    EXPECT_EQ(ask("PUT", "accounts/joe").status, 405);
    EXPECT_EQ(ask("PUT", "accounts/joe").allow, "GET, PATCH, DELETE");
    EXPECT_EQ(ask("GET", "nonsense").status, 404);
}

TEST_F(Api, a_bad_password_makes_no_account) {
    EXPECT_EQ(refusal(ask("POST", "accounts", {{"UserName", "joe"}, {"Password", "a\nb"}})),
              "invalid Password");
    EXPECT_EQ(ask("GET", "accounts/joe").status, 404);
}

TEST_F(Api, postmaster_stays) {
    add("Postmaster");
    EXPECT_EQ(refusal(ask("DELETE", "accounts/postmaster")), "refused UserName");
    EXPECT_EQ(refusal(ask("POST", "accounts/postmaster/rename", {{"to", "x"}})), "refused UserName");
}

TEST_F(Api, changes_are_logged_with_who_where_and_what_but_no_password) {
    add("joe");
    ask("PATCH", "accounts/joe", {{"SizeLimit", 7}});
    ask("PUT", "accounts/joe/password", {{"password", "wonderful"}});
    ask("PATCH", "settings/pop", {{"idle_timeout", "900s"}});
    ASSERT_EQ(log_.lines.size(), 4U);
    EXPECT_EQ(log_.lines[0], "tester from 192.0.2.7: account joe added without a password");
    EXPECT_EQ(log_.lines[1], "tester from 192.0.2.7: account joe: SizeLimit \"0\" -> \"7\"");
    EXPECT_EQ(log_.lines[2], "tester from 192.0.2.7: account joe: password changed");
    EXPECT_EQ(log_.lines[3], "tester from 192.0.2.7: pop idle_timeout: \"10m\" -> \"15m\"");
}

TEST_F(Api, settings_are_listed_and_judged) {
    const auto settings = get("settings/pop");
    const auto& first = settings.as_array().front().as_object();
    for (const auto* key : {"service", "key", "type", "value", "default", "sentence"})
        EXPECT_TRUE(first.contains(key));
    EXPECT_EQ(refusal(ask("PATCH", "settings/pop", {{"nonsense", 1}})), "invalid nonsense");
    EXPECT_EQ(refusal(ask("PATCH", "settings/smtp", {{"client_hosts", "300.1.1.1"}})),
              "invalid client_hosts");
    EXPECT_EQ(refusal(ask("PATCH", "settings/smtp", {{"message_size", "big"}})), "invalid message_size");
    EXPECT_EQ(refusal(ask("PATCH", "settings/nonsense", {{"a", 1}})), "not_found");
    EXPECT_EQ(ask("GET", "settings/nonsense").status, 404);
    const json::value hosts{{"client_hosts", json::array{"10.0.0.1", "192.0.2.0/24"}}};
    EXPECT_EQ(ask("PATCH", "settings/smtp", hosts).status, 204);
    EXPECT_EQ(directory_->settings()->list("smtp", "client_hosts"),
              (std::vector<std::string>{"10.0.0.1", "192.0.2.0/24"}));
}

TEST_F(Api, the_router_tells_its_steps) {
    add("joe");
    ASSERT_EQ(ask("PUT", "router", {{"text", "; table\n<sales> = joe\n"}}).status, 204);
    EXPECT_EQ(get("router").at("text"), "; table\n<sales> = joe\n");
    const auto test = get("router/test?address=sales%40example.org").as_object();
    EXPECT_EQ(test.at("address"), "sales@example.org");
    EXPECT_EQ(test.at("relay"), true);
    EXPECT_EQ(test.at("results"),
              (json::value(json::array{json::object{{"kind", "account"}, {"account", "joe"}}})));
    bool by_record = false;
    for (const auto& step : test.at("steps").as_array()) {
        if (step.at("by") == "record") by_record = step.at("line") == 2;
        EXPECT_EQ(step.as_object().contains("line"), step.at("by") == "record");
    }
    EXPECT_TRUE(by_record);
    EXPECT_EQ(refusal(ask("PUT", "router", {{"text", "nonsense\n"}})), "invalid text");
    EXPECT_EQ(get("router").at("text"), "; table\n<sales> = joe\n");
    EXPECT_EQ(refusal(ask("GET", "router/test")), "invalid address");
}

TEST_F(Api, a_host_of_ours_may_send_where_a_stranger_may_not) {
    ASSERT_EQ(ask("PATCH", "settings/smtp", {{"client_hosts", "10.0.0.1"}}).status, 204);
    EXPECT_EQ(get("router/test?address=x%40example.com").at("relay"), false);
    EXPECT_EQ(get("router/test?address=x%40example.com&from_ip=10.0.0.1").at("relay"), true);
    EXPECT_EQ(get("router/test?address=x%40example.com&from_ip=10.0.0.2").at("relay"), false);
    EXPECT_EQ(refusal(ask("GET", "router/test?address=x%40example.com&from_ip=here")), "invalid from_ip");
}

TEST_F(Api, mirrors_are_plain_files_and_links_stay_links) {
    EXPECT_EQ(refusal(ask("PUT", "mirrors/team", {{"text", "joe\n"}})), "invalid name");
    ASSERT_EQ(ask("PUT", "mirrors/L-team", {{"text", "# us\njoe\nann@example.net\n"}}).status, 200);
    EXPECT_EQ(get("mirrors"), (json::value(json::array{json::object{{"name", "L-team"}, {"members", 2}}})));
    EXPECT_EQ(get("mirrors/L-team").at("text"), "# us\njoe\nann@example.net\n");

    const auto path = base_ + "/Accounts/L-team";
    std::filesystem::rename(path, base_ + "/elsewhere");
    std::filesystem::create_symlink(base_ + "/elsewhere", path);
    ASSERT_EQ(ask("PUT", "mirrors/L-team", {{"text", "joe\n"}}).status, 200);
    EXPECT_TRUE(std::filesystem::is_symlink(path));
    EXPECT_EQ(get("mirrors/L-team").at("members"), 1);

    EXPECT_EQ(refusal(ask("PUT", "mirrors/L-team", {{"text", "joe\na b@@c\n"}})), "invalid text");
    EXPECT_EQ(get("mirrors/L-team").at("text"), "joe\n");
    EXPECT_EQ(ask("DELETE", "mirrors/L-team").status, 204);
    EXPECT_EQ(refusal(ask("GET", "mirrors/L-team")), "not_found name");
}

TEST_F(Api, domains_come_and_go) {
    ASSERT_EQ(ask("POST", "domains", {{"name", "second.example"}}).status, 201);
    add("joe@second.example");
    EXPECT_EQ(get("domains"),
              (json::value(
                  json::array{json::object{{"name", "example.org"}, {"main", true}, {"accounts", 0}},
                              json::object{{"name", "second.example"}, {"main", false}, {"accounts", 1}}})));
    EXPECT_EQ(ask("DELETE", "domains/second.example").status, 409);
    EXPECT_EQ(ask("DELETE", "accounts/joe@second.example").status, 204);
    EXPECT_EQ(ask("DELETE", "domains/second.example").status, 204);
    EXPECT_EQ(ask("GET", "domains/second.example").status, 404);
}

TEST_F(Api, a_message_in_the_queue_is_held_released_removed) {
    mail::Peer peer;
    mail::Envelope envelope;
    envelope.sender.address = *mail::Address::parse("joe@example.org");
    envelope.recipients.push_back({*mail::Address::parse("ann@example.com")});
    auto incoming = office_->receive(peer, envelope);
    ASSERT_TRUE(incoming);
    ASSERT_TRUE((*incoming)->append("Subject: x\r\n\r\nx\r\n"));
    const auto id = (*incoming)->id().text();
    std::atomic<bool> done{false};
    office_->accept(std::move(*incoming), [&done](office::Accepted) { done = true; });
    while (!done) std::this_thread::yield();

    const auto listed = get("queue").as_array();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].at("id").as_string(), id);
    EXPECT_EQ(listed[0].at("sender"), "joe@example.org");
    const auto& recipient = listed[0].at("recipients").as_array().at(0).as_object();
    for (const auto* key : {"address", "state", "host", "attempts", "next", "last_reply"}) {
        EXPECT_TRUE(recipient.contains(key)) << key;
    }
    EXPECT_EQ(recipient.at("state"), "waiting");
    EXPECT_EQ(ask("POST", "queue/" + id + "/hold").status, 204);
    EXPECT_EQ(get("queue/" + id).at("recipients").as_array().at(0).at("state"), "held");
    EXPECT_EQ(ask("POST", "queue/" + id + "/release").status, 204);
    EXPECT_EQ(ask("POST", "queue/" + id + "/retry").status, 204);
    EXPECT_EQ(ask("POST", "queue/retry").status, 204);
    EXPECT_EQ(ask("DELETE", "queue/" + id).status, 204);
    EXPECT_EQ(refusal(ask("GET", "queue/" + id)), "not_found id");
    EXPECT_EQ(refusal(ask("POST", "queue/nonsense/hold")), "not_found id");
}

TEST_F(Api, mailboxes_are_checked_and_rebuilt) {
    add("joe");
    const json::value fine{{"messages", 0}, {"problems", json::array{}}};
    EXPECT_EQ(get("mailboxes/joe/check"), fine);
    const auto rebuilt = ask("POST", "mailboxes/joe/rebuild");
    EXPECT_EQ(rebuilt.status, 200);
    EXPECT_EQ(json::parse(rebuilt.body), fine);
}

// What openapi.json promises is there: no resource it names is unknown, no method refused as wrong.
TEST_F(Api, its_description_is_true) {
    for (const auto& one : api_descriptions()) {
        std::string path(one.path.substr(1));
        for (const auto& [hole, filling] :
             {std::pair{"{name}", "x"}, std::pair{"{id}", "x"}, std::pair{"{service}", "pop"}}) {
            const auto at = path.find(hole);
            if (at != std::string::npos) path.replace(at, std::string_view(hole).size(), filling);
        }
        std::string method(one.method);
        for (auto& c : method) c = static_cast<char>(c - 'a' + 'A');
        const auto answer = ask(method, path);
        EXPECT_NE(answer.status, 405) << method << " " << path;
        EXPECT_EQ(answer.body.find("no such resource"), std::string::npos) << method << " " << path;
        if (one.fields.empty() || one.fields == "*") continue;
        json::object body;
        for (const auto field : split(one.fields, ','))
            body[json::string_view(field.data(), field.size())] = "x";
        EXPECT_EQ(ask(method, path, body).body.find("there is no field"), std::string::npos)
            << method << " " << path;
    }
    EXPECT_TRUE(json::parse(openapi_document("mail.example.org")).at("paths").is_object());
}

TEST_F(Api, who_may_log_in) {
    ASSERT_EQ(
        ask("POST", "accounts", {{"UserName", "root"}, {"Password", "sesame1"}, {"Administrator", true}})
            .status,
        201);
    ASSERT_EQ(ask("POST", "accounts", {{"UserName", "joe"}, {"Password", "sesame2"}}).status, 201);
    EXPECT_EQ(judge_login(*directory_, {"ROOT@example.org", "sesame1"}).admission, Admission::welcome);
    EXPECT_EQ(judge_login(*directory_, {"ROOT@example.org", "sesame1"}).account, "root");
    EXPECT_EQ(judge_login(*directory_, {"root", "sesame2"}).admission, Admission::wrong);
    EXPECT_EQ(judge_login(*directory_, {"joe", "sesame2"}).admission, Admission::forbidden);
    EXPECT_EQ(judge_login(*directory_, {"nobody", "sesame2"}).admission, Admission::wrong);
}

TEST(Authority, basic_credentials) {
    const auto plain = parse_basic("Basic am9lOnNlY3JldDp4");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->user, "joe");
    EXPECT_EQ(plain->password, "secret:x");
    EXPECT_TRUE(parse_basic("basic  am9lOg=="));
    for (const auto* bad :
         {"", "Basic", "Basic ", "Bearer am9lOg==", "Basic am9l", "Basic a*9lOg==", "Basic a"}) {
        EXPECT_FALSE(parse_basic(bad)) << bad;
    }
}

TEST(Authority, a_page_of_another_site_is_foreign) {
    EXPECT_FALSE(is_foreign_origin("", "mail.example.org:8100"));
    EXPECT_FALSE(is_foreign_origin("http://mail.example.org:8100", "mail.example.org:8100"));
    EXPECT_TRUE(is_foreign_origin("http://evil.example", "mail.example.org:8100"));
    EXPECT_TRUE(is_foreign_origin("null", "mail.example.org:8100"));
}

}  // namespace
}  // namespace sims::admin
