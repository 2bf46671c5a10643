#include "proto/smtp/server_session.h"

#include <deque>

#include <gtest/gtest.h>

#include "base/text.h"
#include "proto/common/transcript.h"
#include "proto/smtp/server_world.h"

namespace sims::smtp {
namespace {

using proto::Delivery;

// E lines:
//     refuse 550 5.1.1 Text     the next question of the session is answered so
//     received BYTES            a message with this content, written as in a C line, was queued; no other
//     from A to B C             its envelope
//     nothing received          since the last such line
//     closed                    the connection is
class World final : public ServerWorld, public proto::Player {
public:
    using ServerWorld::ServerWorld;

    std::string receive(std::string_view bytes) override { return ServerWorld::receive(bytes); }

    std::string event(std::string_view text) override {
        if (text == "closed") return closed() ? "" : "the connection is open";
        if (text == "nothing received") return contents_.empty() ? "" : "a message was received";
        if (starts_with_ignoring_case(text, "refuse ")) {
            refusals_.push_back({std::stoi(std::string(text.substr(7, 3))), std::string(text.substr(11))});
            return {};
        }
        if (starts_with_ignoring_case(text, "from "))
            return text == last_envelope_ ? "" : "envelope: " + last_envelope_;
        if (!starts_with_ignoring_case(text, "received")) return "unknown event";
        if (contents_.empty()) return "nothing was received";
        const auto content = contents_.front();
        contents_.pop_front();
        const auto bytes =
            proto::transcript_bytes(text.size() > 9 ? text.substr(9) : std::string_view("\\c"));
        return content == bytes ? "" : "content: " + printable(content);
    }

protected:
    Session::Input judge(const Session::JudgeSender&) override { return verdict(); }
    Session::Input judge(const Session::JudgeRecipient&) override { return verdict(); }
    Session::Input begin(const mail::Envelope&) override {
        if (!refusals_.empty()) return verdict();
        return Session::MessageBegun{};
    }
    Session::Input complete(const mail::Envelope& envelope, const std::string& content) override {
        if (!refusals_.empty()) return verdict();
        last_envelope_ = "from " + envelope.sender.text() + " to";
        for (const auto& recipient : envelope.recipients) last_envelope_ += " " + recipient.address.text();
        contents_.push_back(content);
        return Session::MessageQueued{"Q1"};
    }

private:
    Session::Input verdict() {
        if (refusals_.empty()) return Session::Welcome{};
        Session::Refused refused{refusals_.front()};
        refusals_.pop_front();
        return refused;
    }

    std::deque<Reply> refusals_;
    std::deque<std::string> contents_;
    std::string last_envelope_;
};

ServerOptions options() {
    ServerOptions result{"mail.example", {}, TlsOffer::none};
    result.limits.message_bytes_max = 1000;
    result.limits.recipients_max = 3;
    result.limits.bad_commands_max = 5;
    result.limits.chunk_discard_max = 5000;
    return result;
}

void expect_play(std::string_view transcript, const ServerOptions& with = options()) {
    for (const auto delivery : {Delivery::bursts, Delivery::bytes}) {
        World world(with);
        EXPECT_EQ(proto::play(transcript, world, delivery), "");
    }
}

TEST(ServerSession, takes_a_message) {
    expect_play(R"(
        S: 220 mail.example ESMTP
        C: EHLO client.example
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250 HELP
        C: MAIL FROM:<a@b.example> SIZE=20 BODY=8BITMIME
        S: 250 2.1.0 Ok
        C: RCPT TO:<x@mail.example>
        S: 250 2.1.5 Ok
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 Ok
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: Subject: hi
        C:
        C: ..dot
        C: .
        S: 250 2.0.0 Ok: queued as Q1
        E: received Subject: hi\r\n\r\n.dot
        E: from a@b.example to x@mail.example Postmaster
        C: QUIT
        S: 221 2.0.0 mail.example Goodbye
        E: closed
    )");
}

TEST(ServerSession, takes_a_burst_and_several_messages) {
    expect_play(R"(
        S: 220 ...
        C: HELO old.example
        S: 250 mail.example
        C: MAIL FROM:<>
        C: RCPT TO:<x@mail.example>
        C: DATA
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 354 ...
        C: one
        C: .
        C: MAIL FROM:<c@d.example>
        C: RCPT TO:<y@mail.example>
        C: DATA
        C: two
        C: .
        C: QUIT
        S: 250 2.0.0 ...
        S: 250 2.1.0 Ok
        S: 250 2.1.5 Ok
        S: 354 ...
        S: 250 2.0.0 ...
        S: 221 ...
        E: received one
        E: received two
        E: from c@d.example to y@mail.example
    )");
}

TEST(ServerSession, refuses_commands_out_of_order) {
    expect_play(R"(
        S: 220 ...
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 Say EHLO first
        C: RCPT TO:<x@mail.example>
        S: 503 5.5.1 MAIL first
        C: DATA
        S: 503 5.5.1 MAIL first
        C: RSET
        S: 250 2.0.0 Ok
        C: NOOP
        S: 250 2.0.0 Ok
        C: HELP
        S: 214 2.0.0 ...
        C: VRFY x
        S: 252 2.5.2 ...
        C: STARTTLS
        S: 502 5.5.1 STARTTLS is not available
        C: HELO x
        S: 250 ...
        C: RCPT TO:<x@mail.example>
        S: 503 ...
        C: DATA
        S: 503 ...
        C: MAIL FROM:<a@b.example>
        S: 250 ...
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 There is a sender already
        C: DATA
        S: 554 5.5.1 No valid recipients
        C: RCPT TO:<x@mail.example>
        S: 250 ...
        C: QUIT
        S: 221 ...
        E: closed
        E: nothing received
    )");
}

TEST(ServerSession, reset_and_hello_end_a_transaction_whole) {
    for (const std::string reset : {"RSET", "HELO again", "EHLO again"}) {
        const bool extended = reset[0] == 'E';
        const std::string ok =
            extended ? "S: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\n"
                       "S: 250-...\nS: 250 ...\n"
                     : "S: 250 ...\n";
        const std::string start = "S: 220 ...\nC: HELO x\nS: 250 ...\n";
        const std::string mail = "C: MAIL FROM:<a@b.example>\nS: 250 ...\n";
        const std::string rcpt = "C: RCPT TO:<x@mail.example>\nS: 250 ...\n";
        const std::string chunk = "C: BDAT 3\nC: a\\c\nS: 250 2.0.0 3 octets received\n";
        const std::string after = "C: " + reset + "\n" + ok +
                                  "C: RCPT TO:<x@mail.example>\nS: 503 ...\nC: DATA\nS: 503 ...\n" +
                                  "C: MAIL FROM:<>\nS: 250 ...\nC: DATA\nS: 554 ...\nE: nothing received\n";
        expect_play(start + after);
        expect_play(start + mail + after);
        expect_play(start + mail + rcpt + after);
        expect_play(start + mail + rcpt + "C: BDAT 3\nC: a\nS: 250 2.0.0 3 octets received\n" + after);
    }
}

TEST(ServerSession, verdicts_of_the_outside_world) {
    expect_play(R"(
        S: 220 ...
        C: HELO x
        S: 250 ...
        E: refuse 550 5.7.1 Not you
        C: MAIL FROM:<a@b.example>
        S: 550 5.7.1 Not you
        C: RCPT TO:<x@mail.example>
        S: 503 ...
        C: MAIL FROM:<a@b.example>
        S: 250 ...
        E: refuse 550 5.1.1 No such user
        C: RCPT TO:<nobody@mail.example>
        S: 550 5.1.1 No such user
        C: DATA
        S: 554 ...
        C: RCPT TO:<x@mail.example>
        S: 250 ...
        E: refuse 452 4.3.1 No room
        C: DATA
        S: 452 4.3.1 No room
        C: DATA
        S: 503 ...
        C: MAIL FROM:<a@b.example>
        S: 250 ...
        C: RCPT TO:<x@mail.example>
        S: 250 ...
        C: DATA
        S: 354 ...
        E: refuse 451 4.3.0 Try again later
        C: text
        C: .
        S: 451 4.3.0 Try again later
        C: RCPT TO:<x@mail.example>
        S: 503 ...
        E: nothing received
    )");
}

TEST(ServerSession, a_smuggled_message_is_no_message) {
    for (const std::string end : {"\\n.\\n", "\\n.\\r\\n", "\\r\\n.\\n", "\\r.\\r", "\\r.\\r\\n",
                                  "\\r\\n.\\r", "\\r\\r\\n.\\r\\r\\n"}) {
        expect_play(
            "S: 220 ...\nC: HELO x\nS: 250 ...\nC: MAIL FROM:<>\nC: RCPT TO:<x@mail.example>\nC: DATA\n"
            "S: 250 ...\nS: 250 ...\nS: 354 ...\nC: one" +
            end +
            "MAIL FROM:<evil@mail.example>\n"
            "C: RCPT TO:<x@mail.example>\nC: DATA\nC: two\nC: .\nC: NOOP\nS: 550 5.6.0 ...\nS: 250 2.0.0 Ok\n"
            "E: nothing received\nC: DATA\nS: 503 ...");
    }
}

TEST(ServerSession, refuses_bare_line_ends_in_commands_and_goes_on) {
    expect_play(R"(
        S: 220 ...
        C: NOOP\nNOOP
        S: 500 5.5.2 ...
        S: 250 ...
        C: HELO a\rb
        S: 501 5.5.4 ...
        C: NO\0OP
        S: 500 5.5.1 ...
        C: NOOP
        S: 250 ...
    )");
}

TEST(ServerSession, over_long_lines_are_refused_and_the_conversation_stays_in_step) {
    for (const std::size_t size : {4096UL, 10000UL, 100000UL}) {
        expect_play("S: 220 ...\nC: HELO " + std::string(size, 'x') +
                    "\nC: NOOP\nS: 500 5.5.2 ...\nS: 250 ...");
    }
    expect_play("S: 220 ...\nC: NOOP " + std::string(4089, 'x') + "\nS: 250 ...");
}

TEST(ServerSession, too_many_bad_commands_end_it) {
    expect_play(R"(
        S: 220 ...
        C: GET / HTTP/1.1
        C: Host: x
        C: HELO
        C: AUTH PLAIN
        C: NOOP
        C:
        C: NOOP
        S: 500 ...
        S: 500 ...
        S: 501 ...
        S: 502 5.5.1 AUTH is not available
        S: 250 ...
        S: 421 4.7.0 ...
        E: closed
    )");
}

TEST(ServerSession, has_limits_for_recipients_and_size) {
    expect_play(R"(
        S: 220 ...
        C: EHLO x
        S: 250-...
        S: 250-...
        S: 250-...
        S: 250-...
        S: 250-...
        S: 250-...
        S: 250-...
        S: 250 ...
        C: MAIL FROM:<> SIZE=1001
        S: 552 5.3.4 ...
        C: MAIL FROM:<> SIZE=99999999999999999999
        S: 552 5.3.4 ...
        C: MAIL FROM:<> SIZE=1000
        S: 250 ...
        C: RCPT TO:<a@mail.example>
        C: RCPT TO:<b@mail.example>
        C: RCPT TO:<c@mail.example>
        C: RCPT TO:<d@mail.example>
        S: 250 ...
        S: 250 ...
        S: 250 ...
        S: 452 4.5.3 Too many recipients
        C: RSET
        S: 250 ...
    )");
    expect_play(
        "S: 220 ...\nC: HELO x\nC: MAIL FROM:<>\nC: RCPT TO:<a@mail.example>\nC: DATA\nS: 250 ...\nS: 250 "
        "...\n"
        "S: 250 ...\nS: 354 ...\nC: " +
        std::string(999, 'x') +
        "\nC: .\nC: NOOP\nS: 552 5.3.4 ...\nS: 250 ...\n"
        "E: nothing received");
}

TEST(ServerSession, utf8_addresses_only_with_smtputf8) {
    expect_play(R"(
        S: 220 ...
        C: HELO x
        S: 250 ...
        C: MAIL FROM:<>
        C: RCPT TO:<b\xc3\xbc@mail.example>
        S: 250 ...
        S: 553 5.6.7 ...
        C: RSET
        C: MAIL FROM:<b\xc3\xbc@mail.example> SMTPUTF8
        C: RCPT TO:<b\xc3\xbc@mail.example>
        S: 250 ...
        S: 250 ...
        S: 250 ...
    )");
}

TEST(ServerSession, takes_chunks) {
    expect_play(R"(
        S: 220 ...
        C: HELO x
        S: 250 ...
        C: MAIL FROM:<>
        C: RCPT TO:<x@mail.example>
        C: BDAT 4
        C: .\r\n.\c
        C: BDAT 2
        C: \r\n\c
        C: BDAT 3 LAST
        C: end\c
        C: NOOP
        S: 250 ...
        S: 250 ...
        S: 250 2.0.0 4 octets received
        S: 250 2.0.0 2 octets received
        S: 250 2.0.0 Ok: queued as Q1
        S: 250 2.0.0 Ok
        E: received .\r\n.\r\nend
        C: MAIL FROM:<>
        C: RCPT TO:<x@mail.example>
        C: BDAT 0 LAST
        S: 250 ...
        S: 250 ...
        S: 250 2.0.0 Ok: queued as Q1
        E: received
    )");
}

TEST(ServerSession, a_refused_chunk_ends_the_transaction_and_is_read) {
    expect_play(R"(
        S: 220 ...
        C: BDAT 6 LAST
        C: RSET
        S: 503 5.5.1 MAIL first
        C: HELO x
        S: 250 ...
        C: MAIL FROM:<>
        S: 250 ...
        E: refuse 550 5.1.1 No such user
        C: RCPT TO:<x@mail.example>
        S: 550 5.1.1 No such user
        C: BDAT 6
        C: QUIT
        C: BDAT 6 LAST
        C: QUIT
        C: NOOP
        S: 554 5.5.1 No valid recipients
        S: 503 5.5.1 MAIL first
        S: 250 2.0.0 Ok
        E: nothing received
    )");
}

TEST(ServerSession, bdat_and_data_do_not_mix) {
    expect_play(R"(
        S: 220 ...
        C: HELO x
        C: MAIL FROM:<>
        C: RCPT TO:<x@mail.example>
        C: BDAT 3
        C: a
        C: DATA
        C: MAIL FROM:<>
        C: RCPT TO:<y@mail.example>
        C: BDAT 3 LAST
        C: b
        S: 250 ...
        S: 250 ...
        S: 250 ...
        S: 250 2.0.0 3 octets received
        S: 503 5.5.1 BDAT and DATA do not mix
        S: 503 ...
        S: 503 ...
        S: 250 2.0.0 Ok: queued as Q1
        E: received a\r\nb
    )");
}

TEST(ServerSession, chunks_have_limits_and_defects) {
    const std::string open =
        "S: 220 ...\nC: HELO x\nC: MAIL FROM:<>\nC: RCPT TO:<x@mail.example>\nS: 250 ...\nS: 250 ...\nS: 250 "
        "...\n";
    expect_play(open + "C: BDAT 600\nC: " + std::string(598, 'x') +
                "\nC: BDAT 600 LAST\nC: " + std::string(598, 'x') +
                "\nC: NOOP\nS: 250 2.0.0 600 octets received\nS: 552 5.3.4 ...\nS: 250 2.0.0 Ok\nE: nothing "
                "received");
    expect_play(open + "C: BDAT 1001 LAST\nC: " + std::string(999, 'x') +
                "\nC: NOOP\nS: 552 5.3.4 ...\nS: 250 2.0.0 Ok");
    expect_play(open + "C: BDAT 5001 LAST\nS: 552 5.3.4 ...\nE: closed");
    expect_play(open + "C: BDAT 18446744073709551615\nS: 552 5.3.4 ...\nE: closed");
    expect_play(open + "C: BDAT x\nC: QUIT\nS: 501 5.5.4 ...\nE: closed");
    expect_play(open +
                "C: BDAT 3\nC: \\r\\n\\r\\c\nC: BDAT 3 LAST\nC: a\nC: NOOP\nS: 250 2.0.0 3 octets received\n"
                "S: 550 5.6.0 ...\nS: 250 2.0.0 Ok\nE: nothing received");
    expect_play(
        open + "C: BDAT 3\nC: a\\nb\\c\nC: BDAT 3 LAST\nC: QUIT\\c\nS: 550 5.6.0 ...\nS: 503 ...\nC: \\r\\c");
    expect_play(
        open +
        "E: refuse 452 4.3.1 No room\nC: BDAT 3\nC: a\nC: BDAT 3 LAST\nC: b\nC: NOOP\nS: 452 4.3.1 No room\n"
        "S: 503 ...\nS: 250 2.0.0 Ok");
}

TEST(ServerSession, tls_makes_everything_fresh_and_drops_what_was_injected) {
    auto with = options();
    with.tls = TlsOffer::available;
    World world(with);
    const auto start = R"(
        S: 220 ...
        C: HELO x
        C: MAIL FROM:<>
        S: 250 ...
        S: 250 ...
        C: STARTTLS
        C: MAIL FROM:<evil@mail.example>
        C: RCPT TO:<x@mail.example>
        S: 220 2.0.0 Go ahead
        C: MAIL FROM:<>
        S: 503 5.5.1 Say EHLO first
        C: EHLO x
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250 HELP
        C: RCPT TO:<x@mail.example>
        S: 503 5.5.1 MAIL first
        C: STARTTLS
        S: 503 5.5.1 TLS is running already
    )";
    EXPECT_EQ(proto::play(start, world, Delivery::bursts), "");
    expect_play(
        "S: 220 ...\nC: EHLO x\nS: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\nS: 250-...\nS: "
        "250-...\n"
        "S: 250-STARTTLS\nS: 250 HELP\nC: STARTTLS now\nS: 501 5.5.4 ...",
        with);
}

TEST(ServerSession, tells_who_speaks) {
    World world(options());
    world.receive("EHLO a.example\r\n");
    ASSERT_TRUE(world.session().introduction());
    EXPECT_EQ(world.session().introduction()->name, "a.example");
    EXPECT_TRUE(world.session().introduction()->extended);
    world.receive("EHLO bad name\r\nHELO b.example\r\n");
    EXPECT_EQ(world.session().introduction()->name, "b.example");
    EXPECT_FALSE(world.session().introduction()->extended);
}

}  // namespace
}  // namespace sims::smtp
