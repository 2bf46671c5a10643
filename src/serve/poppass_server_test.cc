#include "serve/poppass_server.h"

#include <csignal>
#include <filesystem>
#include <future>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "net/reactors.h"
#include "net/self_signed.h"
#include "net/socket_stream.h"
#include "serve/client_for_tests.h"

namespace sims::serve {
namespace {

namespace fs = std::filesystem;
using directory::PasswordVerdict;

class PoppassServerTest : public testing::Test {
protected:
    PoppassServerTest() : reactors_(1), hashing_(1) {
        std::signal(SIGPIPE, SIG_IGN);
        std::string pattern = (fs::temp_directory_path() / "sims-poppass-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        auto opened = directory::Directory::open(
            folder_, "example.org", [] { return TimePoint(Duration(7)); }, log_);
        EXPECT_TRUE(opened);
        directory_ = std::move(*opened);
        EXPECT_TRUE(directory_->add({"joe", ""}, {}));
        EXPECT_TRUE(directory_->set_password({"joe", ""}, "old secret"));
        EXPECT_TRUE(directory_->set_settings("pwd", {{"wrong_password_pause", "0s"}}));
        log_.set_level(Service::pwd, LogLevel::low_level);
        LoginDesk desk{*directory_, hashing_, throttle_, [] { return TimePoint(Duration(7)); }};
        services_.emplace(PoppassServices{desk, log_, "mail.example.org", nullptr, {}});
        reactors_.start();
    }
    ~PoppassServerTest() override {
        for (auto& ended : sessions_) ended.wait();
        reactors_.stop();
        hashing_.join();
        services_.reset();
        directory_.reset();
        fs::remove_all(folder_);
    }

    // A stream is made on its reactor's thread.
    std::unique_ptr<net::Stream> adopt(int descriptor) {
        auto& reactor = reactors_.at(0);
        std::promise<std::unique_ptr<net::Stream>> made;
        asio::post(reactor, [&] { made.set_value(net::adopt_socket(reactor, descriptor)); });
        return made.get_future().get();
    }
    std::unique_ptr<Client> connect() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        sessions_.push_back(
            asio::co_spawn(reactors_.at(0), serve_poppass(adopt(ends[0]), *services_), asio::use_future));
        return std::make_unique<Client>(ends[1]);
    }
    std::string visit(std::string_view says) {
        auto client = connect();
        client->say(says);
        return client->hear_all();
    }
    PasswordVerdict verdict(std::string_view password) {
        return directory_->verify_password("joe", password);
    }

    LogLines log_;
    std::string folder_;
    std::unique_ptr<directory::Directory> directory_;
    net::Reactors reactors_;
    asio::thread_pool hashing_;
    guard::LoginThrottle throttle_;
    std::optional<PoppassServices> services_;
    std::vector<std::future<void>> sessions_;
};

constexpr std::string_view greeting = "200 mail.example.org password server ready\r\n";
constexpr std::string_view named = "300 Please send your password now\r\n";
constexpr std::string_view known = "200 Send the new password with newpass\r\n";

TEST_F(PoppassServerTest, ChangesAPassword) {
    EXPECT_EQ(visit("user joe\r\npass old secret\r\nnewpass new secret\r\nquit\r\n"),
              fmt::format("{}{}{}200 The password was changed\r\n200 Bye\r\n", greeting, named, known));
    EXPECT_EQ(verdict("new secret"), PasswordVerdict::right);
    EXPECT_EQ(verdict("old secret"), PasswordVerdict::wrong) << "nor is it remembered";
    EXPECT_NE(log_.text().find("pwd.changed joe changed the password from"), std::string::npos);
}

TEST_F(PoppassServerTest, NoLevelOfTheLogHasAPassword) {
    visit("user joe\r\npass old secret\r\nnewpass new secret\r\nquit\r\n");
    visit("user joe\r\npass hunter2\r\n");
    visit("user joe\r\nnewpss hunter2\r\npasshunter2\r\nhunter2\r\nquit\r\n");
    visit("user joe\r\npass new secret\r\nnewpass hunter\r\n");
    const auto lines = log_.text();
    EXPECT_NE(lines.find("pwd.line newpass ..."), std::string::npos);
    EXPECT_NE(lines.find("pwd.line user joe"), std::string::npos);
    EXPECT_NE(lines.find("pwd.refused"), std::string::npos);
    EXPECT_EQ(lines.find("secret"), std::string::npos);
    EXPECT_EQ(lines.find("hunter"), std::string::npos);
}

TEST_F(PoppassServerTest, RefusesPasswordsByTheRules) {
    const auto answer_to = [this](std::string_view password) {
        const auto heard = visit(fmt::format("user joe\npass old secret\nnewpass {}\n", password));
        const auto begin = greeting.size() + named.size() + known.size();
        return heard.size() < begin ? heard : heard.substr(begin);
    };
    EXPECT_EQ(answer_to("1234567"), "500 The new password is too short: at least 8 characters\r\n");
    EXPECT_EQ(answer_to("old secret"), "500 The new password is the old one\r\n");
    EXPECT_EQ(answer_to("with\ta tab"), "500 a password has no control characters\r\n");
    ASSERT_TRUE(directory_->set_settings("pwd", {{"minimum_length", "12"}}));
    EXPECT_EQ(answer_to("12345678901"), "500 The new password is too short: at least 12 characters\r\n");
    EXPECT_EQ(verdict("old secret"), PasswordVerdict::right);
}

TEST_F(PoppassServerTest, TellsNothingOfAccounts) {
    ASSERT_TRUE(directory_->add({"ann", ""}, {}));
    ASSERT_TRUE(directory_->set_password({"ann", ""}, "anns secret"));
    directory::AccountChange change;
    change.login_enabled = false;
    ASSERT_TRUE(directory_->change({"ann", ""}, change));
    const auto expected = fmt::format("{}{}500 Wrong user name or password\r\n", greeting, named);
    EXPECT_EQ(visit("user joe\r\npass wrong\r\n"), expected);
    EXPECT_EQ(visit("user nobody\r\npass wrong\r\n"), expected);
    EXPECT_EQ(visit("user ann\r\npass wrong\r\n"), expected);
    EXPECT_EQ(visit("user ann\r\npass anns secret\r\n"), expected);
}

TEST_F(PoppassServerTest, WhoFailedTooOftenIsNotListenedTo) {
    const guard::LoginThrottleLimits limits;
    for (std::size_t i = 0; i < limits.failures_max; ++i) {
        throttle_.failed(guard::guest_of("", "joe"), TimePoint(Duration(7)));
    }
    const auto heard = visit("user joe\r\npass old secret\r\n");
    EXPECT_TRUE(heard.ends_with("500 The password can't be checked now, try again later\r\n")) << heard;
    EXPECT_NE(log_.text().find("too many failed logins"), std::string::npos);
}

TEST_F(PoppassServerTest, AFailureIsCounted) {
    for (int i = 0; i < 4; ++i) visit("user nobody\r\npass wrong\r\n");
    EXPECT_EQ(throttle_.guests(), 1U);
    EXPECT_EQ(throttle_.failed(guard::guest_of("", "nobody"), TimePoint(Duration(7))),
              std::chrono::seconds(0));
    EXPECT_EQ(throttle_.failed(guard::guest_of("", "nobody"), TimePoint(Duration(7))),
              std::chrono::seconds(1));
}

TEST_F(PoppassServerTest, AnAccountChangedMeanwhileIsLeftAlone) {
    auto client = connect();
    client->say("user joe\r\npass old secret\r\n");
    for (int i = 0; i < 3; ++i) client->hear_line();
    ASSERT_TRUE(directory_->set_password({"joe", ""}, "from the office"));
    client->say("newpass new secret\r\n");
    EXPECT_EQ(client->hear_all(), "500 The old password no longer holds: log in again\r\n");
    EXPECT_EQ(verdict("from the office"), PasswordVerdict::right);
}

TEST_F(PoppassServerTest, SilenceAndEndlessLinesEndIt) {
    EXPECT_EQ(visit(std::string(300'000, 'x') + "\r\n"), fmt::format("{}500 Line too long\r\n", greeting));
    services_->limits.login = std::chrono::seconds(1);
    auto client = connect();
    EXPECT_EQ(client->hear_all(), greeting);
}

asio::awaitable<std::string> visit_under_tls(std::unique_ptr<net::Stream> stream) {
    const auto context = *net::TlsContext::client();
    stream->expect_within(std::chrono::seconds(20));
    const auto shaken = co_await stream->connect_tls(*context, "mail.example.org");
    if (!shaken) co_return shaken.error().text;
    stream->put("user joe\r\npass old secret\r\nnewpass new secret\r\nquit\r\n");
    co_await stream->flush();
    std::string heard;
    for (;;) {
        heard += stream->buffered();
        stream->consume(stream->buffered().size());
        const bool more = co_await stream->fill();
        if (!more) co_return heard;
    }
}

TEST_F(PoppassServerTest, TlsFromTheFirstByte) {
    const auto certificate = folder_ + "/c.pem", key = folder_ + "/k.pem";
    ASSERT_TRUE(net::make_self_signed("mail.example.org", certificate, key));
    auto context = net::TlsContext::server(certificate, key);
    ASSERT_TRUE(context);
    services_->tls = [&] { return *context; };
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    auto& reactor = reactors_.at(0);
    sessions_.push_back(
        asio::co_spawn(reactor, serve_poppass_tls(adopt(ends[0]), *services_), asio::use_future));
    auto client = asio::co_spawn(reactor, visit_under_tls(adopt(ends[1])), asio::use_future);
    EXPECT_TRUE(client.get().ends_with("200 The password was changed\r\n200 Bye\r\n"));
    EXPECT_EQ(verdict("new secret"), PasswordVerdict::right);
    sessions_.back().wait();
}

}  // namespace
}  // namespace sims::serve
