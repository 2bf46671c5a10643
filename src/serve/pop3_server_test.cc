#include "serve/pop3_server.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "net/reactors.h"
#include "net/self_signed.h"
#include "net/socket_stream.h"
#include "net/tls_context.h"
#include "serve/client_for_tests.h"
#include "serve/maildrop_fixture.h"

namespace sims::serve {
namespace {

namespace fs = std::filesystem;

class Pop3ServerTest : public testing::Test {
protected:
    Pop3ServerTest() : reactors_(1), disk_(2), hashing_(1) {
        std::signal(SIGPIPE, SIG_IGN);
        std::string pattern = (fs::temp_directory_path() / "sims-pop3-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        auto opened = directory::Directory::open(
            folder_, "example.org", [] { return TimePoint(Duration(7)); }, log_);
        EXPECT_TRUE(opened);
        directory_ = std::move(*opened);
        EXPECT_TRUE(directory_->add({"joe", ""}, {}));
        EXPECT_TRUE(directory_->set_password({"joe", ""}, "secret"));
        log_.set_level(Service::pop, LogLevel::low_level);
        MailRoom mail_room([this](const directory::Account& account) { return open(account); },
                           [this](const directory::Account&, std::unique_ptr<store::Maildrop>,
                                  const std::vector<std::size_t>& numbers) { return remove(numbers); });
        LoginDesk desk{*directory_, hashing_, throttle_, [] { return TimePoint(Duration(7)); }};
        services_.emplace(
            Pop3Services{desk, std::move(mail_room), disk_, log_, "mail.example.org", nullptr, {}});
        services_->limits.failed_login_pause = std::chrono::seconds(0);
        reactors_.start();
    }
    ~Pop3ServerTest() override {
        for (auto& ended : sessions_) ended.wait();
        reactors_.stop();
        disk_.join();
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
    std::future<void> serve(int descriptor) {
        return asio::co_spawn(reactors_.at(0), serve_pop3(adopt(descriptor), *services_), asio::use_future);
    }
    std::unique_ptr<Client> connect() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        sessions_.push_back(serve(ends[0]));
        return std::make_unique<Client>(ends[1]);
    }
    std::unique_ptr<Client> log_in() {
        auto client = connect();
        client->say("USER joe\r\nPASS secret\r\n");
        for (int i = 0; i < 3; ++i) last_ = client->hear_line();
        return client;
    }

    Result<std::unique_ptr<store::Maildrop>> open(const directory::Account& account) {
        EXPECT_EQ(account.name.name, "joe");
        if (held_.exchange(true)) return fail(Fault::busy, "held by another session");
        // Tells when it is let go of.
        class Held final : public store::Maildrop {
        public:
            Held(MemoryDrop drop, std::atomic<bool>& held) : drop_(std::move(drop)), held_(held) {}
            ~Held() override { held_ = false; }
            std::span<const store::MessageEntry> messages() const override { return drop_.messages(); }
            Result<bool> read(Reading& reading, std::size_t chunk_max, std::string& out) override {
                return drop_.read(reading, chunk_max, out);
            }

        private:
            MemoryDrop drop_;
            std::atomic<bool>& held_;
        };
        return std::unique_ptr<store::Maildrop>(std::make_unique<Held>(drop_, held_));
    }
    Result<> remove(const std::vector<std::size_t>& numbers) {
        removed_ = numbers;
        if (removal_fails_) return fail(Fault::no_space, "disk full");
        return {};
    }

    LogLines log_;
    std::string folder_, last_;
    std::unique_ptr<directory::Directory> directory_;
    MemoryDrop drop_;
    std::atomic<bool> held_{false}, removal_fails_{false};
    std::vector<std::size_t> removed_;
    net::Reactors reactors_;
    asio::thread_pool disk_, hashing_;
    guard::LoginThrottle throttle_;
    std::optional<Pop3Services> services_;
    std::vector<std::future<void>> sessions_;
};

TEST_F(Pop3ServerTest, AWholeVisitInOneBurst) {
    drop_.add("A: 1\r\n\r\n.one\r\n");
    drop_.add("A: 2\r\n\r\ntwo\r\n");
    auto client = connect();
    client->say("USER joe\r\nPASS secret\r\nSTAT\nRETR 1\r\nRETR 2\r\nTOP 2 0\r\nDELE 2\r\nQUIT\r\n");
    EXPECT_EQ(client->hear_all(),
              "+OK mail.example.org POP3 ready\r\n+OK Send the password\r\n+OK Logged in, 2 messages\r\n+OK "
              "2 27\r\n"
              "+OK 14 octets\r\nA: 1\r\n\r\n..one\r\n.\r\n+OK 13 octets\r\nA: 2\r\n\r\ntwo\r\n.\r\n"
              "+OK Top of message follows\r\nA: 2\r\n\r\n.\r\n+OK Message 2 deleted\r\n+OK Bye\r\n");
    EXPECT_EQ(removed_, std::vector<std::size_t>{1});
    EXPECT_FALSE(held_);
    const auto joe = directory_->find({"joe", ""});
    ASSERT_TRUE(joe && joe->last_login);
    EXPECT_EQ(joe->last_login->service, "pop");
}

TEST_F(Pop3ServerTest, ALostConnectionDeletesNothing) {
    drop_.add("A: 1\r\n");
    auto client = log_in();
    client->say("DELE 1\r\n");
    EXPECT_EQ(client->hear_line(), "+OK Message 1 deleted\r\n");
    client->hang_up();
    sessions_.back().wait();
    EXPECT_TRUE(removed_.empty());
    EXPECT_FALSE(held_);
}

TEST_F(Pop3ServerTest, TheMailboxIsFreeWhenTheClientHearsGoodbye) {
    for (int i = 0; i < 50; ++i) {
        auto client = log_in();
        ASSERT_EQ(last_, "+OK Logged in, 0 messages\r\n");
        client->say("QUIT\r\n");
        ASSERT_EQ(client->hear_line(), "+OK Bye\r\n");
        ASSERT_FALSE(held_);
    }
}

TEST_F(Pop3ServerTest, TheSecondSessionHearsThatTheMailboxIsInUse) {
    auto first = log_in();
    auto second = log_in();
    EXPECT_EQ(last_, "-ERR [IN-USE] Another session holds this mailbox\r\n");
    EXPECT_EQ(second->hear_all(), "");
    first->say("NOOP\r\n");
    EXPECT_EQ(first->hear_line(), "+OK\r\n");
}

TEST_F(Pop3ServerTest, WrongPasswordsAreLoggedWithoutTheirWords) {
    auto client = connect();
    for (int i = 0; i < 3; ++i) client->say("USER joe\r\nPASS hunter2\r\n");
    const auto heard = client->hear_all();
    EXPECT_TRUE(heard.ends_with("-ERR [AUTH] Wrong user name or password; too many failed logins\r\n"))
        << heard;
    const auto lines = log_.text();
    EXPECT_NE(lines.find("pop.login_failed login of joe from"), std::string::npos);
    EXPECT_NE(lines.find("pop.line PASS ..."), std::string::npos);
    EXPECT_EQ(lines.find("hunter2"), std::string::npos);
}

TEST_F(Pop3ServerTest, WhoFailedTooOftenIsNotListenedTo) {
    const guard::LoginThrottleLimits limits;
    for (std::size_t i = 0; i < limits.failures_max; ++i) {
        throttle_.failed(guard::guest_of("", "joe"), TimePoint(Duration(7)));
    }
    auto client = connect();
    client->say("USER joe\r\nPASS secret\r\n");
    EXPECT_TRUE(client->hear_all().ends_with("-ERR [SYS/TEMP] Cannot log in now, try again later\r\n"));
    EXPECT_NE(log_.text().find("failed: too many failed logins from there"), std::string::npos);
}

TEST_F(Pop3ServerTest, LongMessagesAndListsArriveWhole) {
    std::string large = "A: b\r\n\r\n", expected = large;
    while (large.size() < 3'000'000) {
        large += ".a line that begins with a dot\r\n";
        expected += "..a line that begins with a dot\r\n";
    }
    drop_.add(large);
    for (int i = 0; i < 20'000; ++i) drop_.add("x\r\n");
    auto client = log_in();
    client->say("RETR 1\r\nUIDL\r\nSTAT\r\nQUIT\r\n");
    const auto heard = client->hear_all();
    const auto retrieved = "+OK " + std::to_string(large.size()) + " octets\r\n" + expected + ".\r\n";
    EXPECT_TRUE(heard.starts_with(retrieved));
    EXPECT_EQ(std::count(heard.begin() + static_cast<std::ptrdiff_t>(retrieved.size()), heard.end(), '\n'),
              1 + 20'001 + 1 + 1 + 1);
}

TEST_F(Pop3ServerTest, TroubleIsToldAndLogged) {
    drop_.add("A: 1\r\n");
    drop_.broken = 0;
    removal_fails_ = true;
    auto client = log_in();
    client->say("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    EXPECT_EQ(client->hear_all(),
              "-ERR [SYS/TEMP] The message cannot be read now\r\n+OK Message 1 deleted\r\n"
              "-ERR [SYS/TEMP] The deleted messages could not be removed\r\n");
    EXPECT_NE(log_.text().find("pop.message_unreadable message 1 of joe"), std::string::npos);
    EXPECT_NE(log_.text().find("pop.not_deleted 1 messages of joe stay: disk full"), std::string::npos);
}

TEST_F(Pop3ServerTest, ApopAccountsTakeNoPlainPassword) {
    directory::AccountChange change;
    change.apop_required = true;
    ASSERT_TRUE(directory_->change({"joe", ""}, change));
    auto client = log_in();
    EXPECT_EQ(last_, "-ERR [AUTH] This account takes APOP logins only\r\n");
    EXPECT_FALSE(held_);
}

TEST_F(Pop3ServerTest, SilenceEndsIt) {
    services_->limits.login = std::chrono::seconds(1);
    auto client = connect();
    EXPECT_EQ(client->hear_all(), "+OK mail.example.org POP3 ready\r\n");
    EXPECT_TRUE(directory_->set_settings("pop", {{"idle_timeout", "1s"}}));
    services_->limits.login = std::chrono::seconds(60);
    auto other = log_in();
    EXPECT_EQ(other->hear_all(), "");
    sessions_.back().wait();
    EXPECT_FALSE(held_);
}

TEST_F(Pop3ServerTest, EndlessLinesAreDiscarded) {
    auto client = connect();
    const std::string noise(300'000, 'x');
    client->say(noise + "\r\nQUIT\r\n");
    EXPECT_EQ(client->hear_all(), "+OK mail.example.org POP3 ready\r\n-ERR Line too long\r\n+OK Bye\r\n");
}

// STLS with a command behind it in the same write, which an attacker could have put there; then a visit under
// TLS.
asio::awaitable<std::string> visit_under_tls(std::unique_ptr<net::Stream> stream) {
    const auto context = *net::TlsContext::client();
    std::string heard;
    stream->expect_within(std::chrono::seconds(20));
    stream->put("STLS\r\nUSER intruder\r\n");
    co_await stream->flush();
    while (stream->buffered().find("TLS\r\n") == std::string_view::npos) {
        const bool more = co_await stream->fill();
        if (!more) co_return "hung up before TLS";
    }
    heard += stream->buffered();
    stream->consume(stream->buffered().size());
    const auto shaken = co_await stream->connect_tls(*context, "mail.example.org");
    if (!shaken) co_return shaken.error().text;
    stream->put("PASS secret\r\nSTLS\r\nUSER joe\r\nPASS secret\r\nQUIT\r\n");
    co_await stream->flush();
    for (;;) {
        heard += stream->buffered();
        stream->consume(stream->buffered().size());
        const bool more = co_await stream->fill();
        if (!more) co_return heard;
    }
}

TEST_F(Pop3ServerTest, StlsDropsWhatWasSaidInClear) {
    const auto certificate = folder_ + "/c.pem", key = folder_ + "/k.pem";
    ASSERT_TRUE(net::make_self_signed("mail.example.org", certificate, key));
    auto context = net::TlsContext::server(certificate, key);
    ASSERT_TRUE(context);
    services_->tls = [&] { return *context; };
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    sessions_.push_back(serve(ends[0]));
    auto& reactor = reactors_.at(0);
    auto client = asio::co_spawn(reactor, visit_under_tls(adopt(ends[1])), asio::use_future);
    EXPECT_EQ(client.get(),
              "+OK mail.example.org POP3 ready\r\n+OK Begin TLS\r\n-ERR USER first\r\n-ERR TLS is active "
              "already\r\n"
              "+OK Send the password\r\n+OK Logged in, 0 messages\r\n+OK Bye\r\n");
    sessions_.back().wait();
}

}  // namespace
}  // namespace sims::serve
