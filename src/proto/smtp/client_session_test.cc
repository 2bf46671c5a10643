#include "proto/smtp/client_session.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "proto/smtp/reply_reader.h"

namespace sims::smtp {
namespace {

using Session = ClientSession;

Transaction message(std::vector<std::string> recipients) {
    Transaction transaction;
    transaction.sender.address = mail::Address::parse("a@b.example").value();
    for (const auto& recipient : recipients)
        transaction.recipients.push_back(mail::Address::parse(recipient).value());
    transaction.size = 100;
    return transaction;
}

// Plays what a server says; gathers what the client does.
class Game {
public:
    explicit Game(Transaction first, ClientTls tls = ClientTls::opportunistic)
        : session_(ClientOptions{"me.example", tls}, std::move(first)), step_(session_.greet()) {}

    // One reply, its lines parted by '\n'; gives what the client sent then.
    std::string reply(std::string_view text) {
        EXPECT_TRUE(std::holds_alternative<Session::ReadReply>(step_.next)) << text;
        ReplyReader reader;
        std::optional<Reply> whole;
        for (const auto line : split(text, '\n')) whole = reader.on_line(line).value();
        return go(Session::ReplyArrived{*whole});
    }
    // Greeting and EHLO, offering these.
    std::string hello(const std::string& offers = "") {
        EXPECT_EQ(reply("220 hi"), "EHLO me.example\r\n");
        return reply(offers.empty() ? "250 you" : "250-you\n" + offers);
    }
    std::string go(Session::Input input) {
        step_ = session_.on(std::move(input));
        return step_.send;
    }
    template <class Effect>
    const Effect* next() const {
        return std::get_if<Effect>(&step_.next);
    }
    // "delivered 250 ..., failed 550 ...; transaction ready"
    std::string report() const {
        const auto* report = next<Session::Report>();
        if (!report) return "no report";
        std::string text;
        for (const auto& outcome : report->outcomes) {
            switch (outcome.outcome) {
                case Outcome::delivered: text += "delivered "; break;
                case Outcome::deferred: text += "deferred "; break;
                case Outcome::failed: text += "failed "; break;
            }
            text += outcome.words + ", ";
        }
        switch (report->stage) {
            case Session::Stage::tls: text += "tls "; break;
            case Session::Stage::session: text += "session "; break;
            case Session::Stage::transaction: text += "transaction "; break;
        }
        return text + (report->connection == Session::Connection::ready ? "ready" : "over");
    }

private:
    Session session_;
    Session::Step step_;
};

TEST(ClientSession, one_by_one_without_extensions) {
    Game game(message({"x@y.example", "z@y.example"}));
    EXPECT_EQ(game.reply("220 hi"), "EHLO me.example\r\n");
    EXPECT_EQ(game.reply("502 what?"), "HELO me.example\r\n");
    EXPECT_EQ(game.reply("250 hi"), "MAIL FROM:<a@b.example>\r\n");
    EXPECT_EQ(game.reply("250 ok"), "RCPT TO:<x@y.example>\r\n");
    EXPECT_EQ(game.reply("250 ok"), "RCPT TO:<z@y.example>\r\n");
    EXPECT_EQ(game.reply("550 5.1.1 no such user"), "DATA\r\n");
    EXPECT_EQ(game.reply("354 go"), "");
    ASSERT_TRUE(game.next<Session::SendContent>());
    EXPECT_EQ(game.next<Session::SendContent>()->framing, Framing::dots);
    EXPECT_EQ(game.go(Session::ContentSent{}), "");
    EXPECT_EQ(game.reply("250 2.0.0 taken as 7"), "");
    EXPECT_EQ(game.report(),
              "delivered 250 2.0.0 taken as 7, failed 550 5.1.1 no such user, transaction ready");
    EXPECT_EQ(game.go(Session::Leave{}), "QUIT\r\n");
    game.reply("221 bye");
    EXPECT_TRUE(game.next<Session::Close>());
}

TEST(ClientSession, in_a_burst_where_pipelining_is_offered) {
    Game game(message({"x@y.example", "z@y.example"}));
    EXPECT_EQ(
        game.hello("250-pipelining\n250-SIZE 1000\n250 8BITMIME"),
        "MAIL FROM:<a@b.example> SIZE=100\r\nRCPT TO:<x@y.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n");
    EXPECT_EQ(game.reply("250 ok"), "");
    EXPECT_EQ(game.reply("451 4.2.1 later"), "");
    EXPECT_EQ(game.reply("250 ok"), "");
    EXPECT_EQ(game.reply("354 go"), "");
    game.go(Session::ContentSent{});
    game.reply("250 done");
    EXPECT_EQ(game.report(), "deferred 451 4.2.1 later, delivered 250 done, transaction ready");

    auto second = message({"q@y.example"});
    second.body = mail::BodyType::eight_bit_mime;
    second.sender.address.reset();
    EXPECT_EQ(game.go(Session::NextTransaction{second}),
              "MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<q@y.example>\r\nDATA\r\n");
    game.reply("250 ok");
    game.reply("250 ok");
    game.reply("354 go");
    game.go(Session::ContentSent{});
    game.reply("554 5.6.0 spam");
    EXPECT_EQ(game.report(), "failed 554 5.6.0 spam, transaction ready");
}

TEST(ClientSession, all_recipients_refused_means_no_content) {
    Game slow(message({"x@y.example"}));
    slow.hello();
    slow.reply("250 ok");
    EXPECT_EQ(slow.reply("550 no"), "");
    EXPECT_EQ(slow.report(), "failed 550 no, transaction ready");
    EXPECT_EQ(slow.go(Session::NextTransaction{message({"z@y.example"})}), "RSET\r\n");
    EXPECT_EQ(slow.reply("250 ok"), "MAIL FROM:<a@b.example>\r\n");

    Game burst(message({"x@y.example"}));
    burst.hello("250 PIPELINING");
    burst.reply("250 ok");
    burst.reply("550 no");
    burst.reply("554 no valid recipients");
    EXPECT_EQ(burst.report(), "failed 550 no, transaction ready");
    EXPECT_EQ(burst.go(Session::NextTransaction{message({"z@y.example"})}),
              "RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<z@y.example>\r\nDATA\r\n");
    burst.reply("250 reset");
    burst.reply("250 ok");
    burst.reply("550 no");
    EXPECT_EQ(burst.reply("354 go"), ".\r\n") << "RFC 2920 3.1";
    EXPECT_EQ(burst.reply("250 taken for nobody"), "");
    EXPECT_EQ(burst.report(), "failed 550 no, transaction ready");
}

TEST(ClientSession, a_refused_sender_is_every_recipients_answer) {
    Game slow(message({"x@y.example", "z@y.example"}));
    slow.hello();
    slow.reply("450 4.7.1 greylisted");
    EXPECT_EQ(slow.report(),
              "deferred 450 4.7.1 greylisted, deferred 450 4.7.1 greylisted, transaction ready");
    Game burst(message({"x@y.example"}));
    burst.hello("250 PIPELINING");
    burst.reply("550 not you");
    burst.reply("503 MAIL first");
    burst.reply("503 MAIL first");
    EXPECT_EQ(burst.report(), "failed 550 not you, transaction ready");
}

TEST(ClientSession, refused_data_is_the_answer_of_who_was_accepted) {
    Game game(message({"x@y.example", "z@y.example"}));
    game.hello();
    game.reply("250 ok");
    game.reply("550 no");
    game.reply("250 ok");
    game.reply("451 no disk");
    EXPECT_EQ(game.report(), "failed 550 no, deferred 451 no disk, transaction ready");
}

TEST(ClientSession, replies_that_make_no_sense_deliver_nothing) {
    Game mail(message({"x@y.example"}));
    mail.hello();
    mail.reply("354 go");
    EXPECT_EQ(mail.report(), "deferred 354 go, transaction ready");
    Game data(message({"x@y.example"}));
    data.hello();
    data.reply("250 ok");
    data.reply("250 ok");
    data.reply("250 ok");
    EXPECT_EQ(data.report(), "deferred 250 ok, transaction ready");
    Game end(message({"x@y.example"}));
    end.hello();
    end.reply("250 ok");
    end.reply("250 ok");
    end.reply("354 ok");
    end.go(Session::ContentSent{});
    end.reply("354 more?");
    EXPECT_EQ(end.report(), "deferred 354 more?, transaction ready");
}

TEST(ClientSession, too_many_recipients_are_tried_again) {
    Game game(message({"x@y.example", "z@y.example", "q@y.example"}));
    game.hello();
    game.reply("250 ok");
    game.reply("250 ok");
    game.reply("452 4.5.3 too many");
    game.reply("552 5.5.3 too many");
    game.reply("354 go");
    game.go(Session::ContentSent{});
    game.reply("250 ok");
    EXPECT_EQ(
        game.report(),
        "delivered 250 ok, deferred 452 4.5.3 too many, deferred 552 5.5.3 too many, transaction ready");
}

TEST(ClientSession, a_host_that_does_not_want_us) {
    Game greeting(message({"x@y.example"}));
    EXPECT_EQ(greeting.reply("554 no mail here"), "QUIT\r\n");
    EXPECT_EQ(greeting.report(), "failed 554 no mail here, session over");
    Game later(message({"x@y.example"}));
    later.reply("450 later");
    EXPECT_EQ(later.report(), "deferred 450 later, session over");
    Game hello(message({"x@y.example"}));
    hello.reply("220 hi");
    hello.reply("550 no");
    hello.reply("550 never");
    EXPECT_EQ(hello.report(), "failed 550 never, session over");
}

TEST(ClientSession, service_not_available_and_lost_connections_defer_the_undecided) {
    Game greeting(message({"x@y.example"}));
    greeting.reply("421 busy");
    EXPECT_EQ(greeting.report(), "deferred 421 busy, session over");
    Game middle(message({"x@y.example", "z@y.example"}));
    middle.hello();
    middle.reply("250 ok");
    middle.reply("550 no");
    middle.reply("421 going down");
    EXPECT_EQ(middle.report(), "failed 550 no, deferred 421 going down, transaction over");
    Game content(message({"x@y.example"}));
    content.hello();
    content.reply("250 ok");
    content.reply("250 ok");
    content.reply("354 go");
    content.go(Session::ConnectionLost{"the peer closed the connection"});
    EXPECT_EQ(content.report(), "deferred 421 4.4.2 the peer closed the connection, transaction over");
    Game quit(message({"x@y.example"}));
    quit.hello();
    quit.reply("550 no");
    quit.go(Session::Leave{});
    quit.go(Session::ConnectionLost{"gone"});
    EXPECT_TRUE(quit.next<Session::Close>());
}

TEST(ClientSession, tls_when_it_is_offered) {
    Game game(message({"x@y.example"}));
    EXPECT_EQ(game.hello("250-PIPELINING\n250 STARTTLS"), "STARTTLS\r\n");
    EXPECT_EQ(game.reply("220 go ahead"), "");
    ASSERT_TRUE(game.next<Session::StartTls>());
    EXPECT_EQ(game.go(Session::TlsStarted{}), "EHLO me.example\r\n");
    // What was offered in the clear counts no more (RFC 3207 4.2).
    EXPECT_EQ(game.reply("250-you\n250 STARTTLS"), "MAIL FROM:<a@b.example>\r\n");

    Game refused(message({"x@y.example"}));
    refused.hello("250 STARTTLS");
    EXPECT_EQ(refused.reply("454 4.7.0 not now"), "MAIL FROM:<a@b.example>\r\n");

    Game broken(message({"x@y.example"}));
    broken.hello("250 STARTTLS");
    broken.reply("220 go");
    broken.go(Session::TlsFailed{"no shared cipher"});
    EXPECT_EQ(broken.report(), "deferred 454 4.7.0 TLS handshake failed: no shared cipher, tls over");

    Game never(message({"x@y.example"}), ClientTls::never);
    EXPECT_EQ(never.hello("250 STARTTLS"), "MAIL FROM:<a@b.example>\r\n");
}

TEST(ClientSession, says_at_once_what_cannot_be_sent) {
    auto utf8 = message({"b\xc3\xbc@y.example"});
    Game no_utf8(utf8);
    EXPECT_EQ(no_utf8.hello("250 8BITMIME"), "");
    EXPECT_EQ(no_utf8.report(),
              "failed 553 5.6.7 The message needs SMTPUTF8, which the host lacks, transaction ready");
    Game with_utf8(utf8);
    EXPECT_EQ(with_utf8.hello("250 SMTPUTF8"), "MAIL FROM:<a@b.example> SMTPUTF8\r\n");

    Game large(message({"x@y.example"}));
    large.hello("250 SIZE 99");
    EXPECT_EQ(large.report(),
              "failed 552 5.3.4 The message has 100 bytes, and the host takes 99 at most, transaction ready");
    Game no_limit(message({"x@y.example"}));
    EXPECT_EQ(no_limit.hello("250 SIZE"), "MAIL FROM:<a@b.example> SIZE=100\r\n");

    auto eight_bit = message({"x@y.example"});
    eight_bit.body = mail::BodyType::eight_bit_mime;
    Game just_send(eight_bit);
    EXPECT_EQ(just_send.hello(), "MAIL FROM:<a@b.example>\r\n");
}

TEST(ClientSession, binary_content_goes_in_one_chunk) {
    auto binary = message({"x@y.example"});
    binary.body = mail::BodyType::binary_mime;
    Game without(binary);
    without.hello("250 CHUNKING");
    EXPECT_EQ(without.report(),
              "failed 554 5.6.1 The message needs BINARYMIME, which the host lacks, transaction ready");
    Game game(binary);
    EXPECT_EQ(game.hello("250-PIPELINING\n250-CHUNKING\n250 BINARYMIME"),
              "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\nRCPT TO:<x@y.example>\r\n");
    game.reply("250 ok");
    EXPECT_EQ(game.reply("250 ok"), "BDAT 100 LAST\r\n");
    ASSERT_TRUE(game.next<Session::SendContent>());
    EXPECT_EQ(game.next<Session::SendContent>()->framing, Framing::exact);
    game.go(Session::ContentSent{});
    game.reply("250 ok");
    EXPECT_EQ(game.report(), "delivered 250 ok, transaction ready");
}

}  // namespace
}  // namespace sims::smtp
