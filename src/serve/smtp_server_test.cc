#include "serve/smtp_server.h"

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

#include "net/net_fixture.h"
#include "net/self_signed.h"
#include "net/socket_stream.h"
#include "serve/office_for_tests.h"

namespace sims::serve {
namespace {

class SmtpServerTest : public net::NetTest {
protected:
    ~SmtpServerTest() override {
        for (const int end : ends_) ::close(end);
        eventually([this] { return running_ == 0; });
        reactors.stop();
        disk_.join();
    }

    // A session; gives the other end.
    int connect() {
        std::array<int, 2> ends{};
        EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()));
        const timeval patience{10, 0};
        ::setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ends_.push_back(ends[0]);
        ++running_;
        asio::co_spawn(reactors.at(0), serve(this, ends[1]), asio::detached);
        return ends[0];
    }
    static asio::awaitable<void> serve(SmtpServerTest* test, int descriptor) {
        auto stream = make_stream(test->reactors.at(0), descriptor, "192.0.2.1");
        co_await serve_smtp(std::move(stream), test->services_);
        --test->running_;
    }
    static std::unique_ptr<net::Stream> make_stream(asio::io_context& reactor, int descriptor,
                                                    std::string address) {
        EXPECT_EQ(0, ::fcntl(descriptor, F_SETFL, O_NONBLOCK));
        return std::make_unique<net::SocketStream>(reactor, net::Socket(descriptor), std::move(address));
    }

    static void say(int socket, std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(sent, 0);
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // Up to and with the line that holds `last`; or what came before the end of the connection.
    static std::string hear(int socket, std::string_view last) {
        std::string heard;
        for (;;) {
            const auto found = heard.find(last);
            if (found != std::string::npos && heard.find("\r\n", found) != std::string::npos) return heard;
            std::array<char, 4096> piece{};
            const auto count = ::recv(socket, piece.data(), piece.size(), 0);
            if (count <= 0) return heard + "<end>";
            heard.append(piece.data(), static_cast<std::size_t>(count));
        }
    }

    OfficeForTests office_;
    asio::thread_pool disk_{1};
    NullLog log_;
    net::TlsContextPointer tls_;
    SmtpServices services_{office_, disk_, log_, "mail.example", [this] { return tls_; }, {}};
    std::vector<int> ends_;
    std::atomic<int> running_{0};
};

const std::string envelope = "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@mail.example>\r\n";

TEST_F(SmtpServerTest, takes_messages) {
    const int client = connect();
    EXPECT_EQ(hear(client, "220"), "220 mail.example ESMTP\r\n");
    say(client, "EHLO c.example\r\n");
    hear(client, "250 HELP");
    say(client, envelope + "RCPT TO:<nobody@mail.example>\r\nDATA\r\n");
    EXPECT_EQ(
        hear(client, "354"),
        "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n550 5.1.1 No such user\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    say(client, "Subject: one\r\n\r\n..\r\n.\r");
    say(client, "\nNOOP\r\n");
    EXPECT_EQ(hear(client, "250 2.0.0 Ok\r"),
              "250 2.0.0 Ok: queued as " + queue::QueueId{{1}}.text() + "\r\n250 2.0.0 Ok\r\n");
    say(client, envelope + "BDAT 3\r\na\r\nBDAT 1 LAST\r\nbQUIT\r\n");
    const auto rest = hear(client, "221");
    EXPECT_NE(rest.find("250 2.0.0 3 octets received\r\n250 2.0.0 Ok: queued as"), std::string::npos) << rest;
    EXPECT_EQ(hear(client, "nothing more"), "<end>");

    const auto messages = office_.messages();
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].content, "Subject: one\r\n\r\n.\r\n");
    EXPECT_EQ(messages[0].peer.address, "192.0.2.1");
    EXPECT_EQ(messages[0].peer.hello, "c.example");
    EXPECT_TRUE(messages[0].peer.extended);
    EXPECT_FALSE(messages[0].peer.tls);
    EXPECT_EQ(messages[0].envelope.recipients.size(), 1U);
    EXPECT_EQ(messages[1].content, "a\r\nb\r\n");
}

TEST_F(SmtpServerTest, takes_everything_in_one_write) {
    const int client = connect();
    std::string burst = "HELO c\r\n";
    for (int i = 0; i < 50; ++i) burst += envelope + "DATA\r\nText " + std::to_string(i) + "\r\n.\r\n";
    say(client, burst + "QUIT\r\n");
    hear(client, "221");
    const auto messages = office_.messages();
    ASSERT_EQ(messages.size(), 50U);
    EXPECT_EQ(messages[49].content, "Text 49\r\n");
}

TEST_F(SmtpServerTest, large_messages_come_whole_and_too_large_ones_are_refused) {
    const int client = connect();
    std::string content;
    while (content.size() < 1'000'000) content += "A line of text that is as long as lines usually are.\r\n";
    say(client, "HELO c\r\n" + envelope + "DATA\r\n" + content + ".\r\n");
    hear(client, "queued as");
    say(client, envelope + "DATA\r\n" + content + content + ".\r\nNOOP\r\n");
    const auto refused = hear(client, "250 2.0.0 Ok\r");
    EXPECT_NE(refused.find("552 5.3.4"), std::string::npos) << refused;
    ASSERT_EQ(office_.messages().size(), 1U);
    EXPECT_EQ(office_.messages()[0].content, content);
    EXPECT_EQ(office_.abandoned(), 1);
}

TEST_F(SmtpServerTest, blocking_appends_go_to_the_disk_threads) {
    office_.troubles.appends_block = true;
    const int client = connect();
    say(client,
        "HELO c\r\n" + envelope + "DATA\r\none\r\n.\r\n" + envelope + "BDAT 5 LAST\r\ntwo\r\nQUIT\r\n");
    hear(client, "221");
    ASSERT_EQ(office_.messages().size(), 2U);
    EXPECT_EQ(office_.messages()[1].content, "two\r\n");
    EXPECT_GE(office_.blocking_appends(), 2);
}

TEST_F(SmtpServerTest, troubles_of_the_office_are_told_in_general_words) {
    office_.troubles.append = fail(Fault::no_space, "write /secret: no space");
    const int client = connect();
    say(client, "HELO c\r\n" + envelope + "DATA\r\none\r\n.\r\n" + envelope +
                    "BDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\nNOOP\r\n");
    const auto heard = hear(client, "250 2.0.0 Ok\r");
    EXPECT_EQ(heard.find("secret"), std::string::npos);
    const auto first = heard.find("452 4.3.1");
    ASSERT_NE(first, std::string::npos) << heard;
    EXPECT_NE(heard.find("452 4.3.1", first + 1), std::string::npos) << heard;
    EXPECT_NE(heard.find("503"), std::string::npos) << "the second chunk";
    office_.troubles.append.reset();

    office_.troubles.receive = fail(Fault::io, "draft");
    say(client, "RSET\r\n" + envelope + "DATA\r\n");
    EXPECT_NE(hear(client, "451 4.3.0").find("451 4.3.0"), std::string::npos);
    office_.troubles.receive.reset();

    office_.troubles.message = office::Refusal{554, "5.4.6 A loop"};
    say(client, envelope + "DATA\r\none\r\n.\r\n");
    EXPECT_NE(hear(client, "554").find("554 5.4.6 A loop"), std::string::npos);
    EXPECT_TRUE(office_.messages().empty());
}

TEST_F(SmtpServerTest, a_message_without_its_end_is_no_message) {
    const int client = connect();
    say(client, "HELO c\r\n" + envelope + "DATA\r\nhalf a message\r\n");
    hear(client, "354");
    ::shutdown(client, SHUT_WR);
    EXPECT_EQ(hear(client, "nothing more"), "<end>");
    EXPECT_TRUE(eventually([this] { return office_.abandoned() == 1; }));
    const int chunks = connect();
    say(chunks, "HELO c\r\n" + envelope + "BDAT 3\r\na\r\n" + "RSET\r\n");
    hear(chunks, "3 octets received\r\n250");
    EXPECT_EQ(office_.abandoned(), 2);
    EXPECT_TRUE(office_.messages().empty());
}

// TLS, as a client on the other reactor sees it.
asio::awaitable<std::string> tls_conversation(std::unique_ptr<net::Stream> stream,
                                              const net::TlsContext& context) {
    std::string heard;
    const auto exchange = [](net::Stream& with, std::string& all) {
        all += with.buffered();
        with.consume(with.buffered().size());
    };
    stream->put("EHLO c\r\nMAIL FROM:<a@b.example>\r\nSTARTTLS\r\nRCPT TO:<evil@mail.example>\r\n");
    bool going_on = co_await stream->flush();
    while (going_on && heard.find("220 2.0.0") == std::string::npos) {
        going_on = co_await stream->fill();
        exchange(*stream, heard);
    }
    const auto started = co_await stream->connect_tls(context, "mail.example");
    if (!started) co_return "no TLS: " + started.error().text;
    heard += "<tls>";
    stream->put(
        "DATA\r\nEHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT "
        "TO:<x@mail.example>\r\nDATA\r\nsecret\r\n.\r\nQUIT\r\n");
    going_on = co_await stream->flush();
    while (going_on && heard.find("221 ") == std::string::npos) {
        going_on = co_await stream->fill();
        exchange(*stream, heard);
    }
    co_return heard;
}

TEST_F(SmtpServerTest, tls_on_request) {
    const net::TemporaryFolder folder;
    ASSERT_TRUE(net::make_self_signed("mail.example", folder / "c.pem", folder / "k.pem"));
    tls_ = net::TlsContext::server(folder / "c.pem", folder / "k.pem").value();
    const auto client_context = net::TlsContext::client().value();
    const int client = connect();
    auto stream = make_stream(reactors.at(0), ::dup(client), "");
    const auto heard = run(tls_conversation(std::move(stream), *client_context));
    EXPECT_NE(heard.find("250-STARTTLS\r\n"), std::string::npos) << heard;
    EXPECT_NE(heard.find("<tls>503 5.5.1 MAIL first\r\n250-mail.example\r\n"), std::string::npos) << heard;
    ASSERT_EQ(office_.messages().size(), 1U) << heard;
    EXPECT_TRUE(office_.messages()[0].peer.tls);
    EXPECT_FALSE(office_.messages()[0].peer.tls_description.empty());
}

}  // namespace
}  // namespace sims::serve
