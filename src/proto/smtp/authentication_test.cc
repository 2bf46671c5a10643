#include <gtest/gtest.h>

#include "proto/common/transcript.h"
#include "proto/smtp/server_world.h"

namespace sims::smtp {
namespace {

using proto::Delivery;

// Joe's password is "secret" (ServerWorld).
class World final : public ServerWorld, public proto::Player {
public:
    using ServerWorld::ServerWorld;
    std::string receive(std::string_view bytes) override { return ServerWorld::receive(bytes); }
    std::string event(std::string_view text) override {
        if (text == "closed") return closed() ? "" : "the connection is open";
        if (text == "out of order") {
            out_of_order = true;
            return {};
        }
        if (text.starts_with("as ")) {
            return session().account() == text.substr(3) ? "" : "logged in as " + session().account();
        }
        return session().account().empty() ? "" : "logged in as " + session().account();
    }

protected:
    Session::Input judge(const Session::JudgeSender&) override { return Session::Welcome{}; }
    Session::Input judge(const Session::JudgeRecipient&) override { return Session::Welcome{}; }
    Session::Input judge(const Session::CheckPassword& question) override {
        if (out_of_order) return Session::LoginJudged{Session::LoginVerdict::unavailable};
        return ServerWorld::judge(question);
    }
    Session::Input begin(const mail::Envelope&) override { return Session::MessageBegun{}; }
    Session::Input complete(const mail::Envelope&, const std::string&) override {
        return Session::MessageQueued{"Q1"};
    }

private:
    bool out_of_order = false;
};

class NoSecrets final : public sasl::Secrets {
    std::optional<sasl::ScramKeys> scram_keys(std::string_view) const override { return std::nullopt; }
    std::optional<std::string> shared_secret(std::string_view) const override { return std::nullopt; }
    std::string decoy_salt(std::string_view) const override { return "0123456789abcdef"; }
};
const NoSecrets no_secrets;

ServerOptions relay() {
    ServerOptions options{"mail.example", {}, TlsOffer::available};
    options.limits.bad_commands_max = 6;
    options.secrets = &no_secrets;
    return options;
}
ServerOptions submission() {
    auto options = relay();
    options.role = Role::submission;
    return options;
}
ServerOptions submissions() {
    auto options = submission();
    options.tls = TlsOffer::none;
    options.channel.is_encrypted = true;
    return options;
}

void expect_conversation(const ServerOptions& options, std::string_view transcript) {
    for (const auto delivery : {Delivery::bursts, Delivery::bytes}) {
        World world(options);
        EXPECT_EQ("", proto::play(transcript, world, delivery));
    }
}

TEST(Authentication, PlainWithItsInitialResponse) {
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: EHLO c
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250-AUTH SCRAM-SHA-256 PLAIN LOGIN
        S: 250 HELP
        C: MAIL FROM:<joe@mail.example>
        S: 530 5.7.0 Log in first...
        C: auth plain AGpvZQBzZWNyZXQ=
        S: 235 2.7.0 Welcome
        E: as joe
        C: AUTH PLAIN AGpvZQBzZWNyZXQ=
        S: 503 5.5.1 You are logged in already
        C: MAIL FROM:<joe@mail.example> AUTH=<>
        S: 250 2.1.0 Ok
    )");
}

TEST(Authentication, PlainAndLoginInSteps) {
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: AUTH PLAIN
        S: 503 5.5.1 Say EHLO first
        C: HELO c
        S: 250 mail.example
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: am9l
        S: 334 UGFzc3dvcmQ6
        C: *
        S: 501 5.7.0 The login was cancelled
        E: nobody
        C: AUTH LOGIN am9l
        S: 334 UGFzc3dvcmQ6
        C: c2VjcmV0
        S: 235 2.7.0 Welcome
        E: as joe
    )");
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: HELO c
        S: 250 mail.example
        C: AUTH PLAIN
        S: 334 
        C: AGpvZQBzZWNyZXQ=
        S: 235 2.7.0 Welcome
    )");
}

TEST(Authentication, AnEmptyInitialResponseIsOne) {
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: HELO c
        S: 250 mail.example
        C: AUTH PLAIN =
        S: 501 5.5.2 That is not how this mechanism goes
        C: AUTH PLAIN no!base64
        S: 501 5.5.2 The response is not in base64
        C: AUTH PLAIN a b
        S: 501 5.5.2 The response is not in base64
        C: AUTH
        S: 501 5.5.4 Syntax: AUTH mechanism [initial-response]
        C: AUTH GSSAPI
        S: 504 5.5.4 This mechanism is not available
        C: AUTH SCRAM-SHA-256-PLUS
        S: 504 5.5.4 This mechanism is not available
        C: NOOP
        S: 250 2.0.0 Ok
    )");
}

TEST(Authentication, ThreeWrongPasswordsEndTheConnection) {
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: HELO c
        S: 250 mail.example
        C: AUTH PLAIN AGpvZQB3cm9uZw==
        S: 535 5.7.8 Wrong name or password
        C: AUTH PLAIN AGpvZQB3cm9uZw==
        S: 535 5.7.8 Wrong name or password
        C: AUTH PLAIN AGpvZQB3cm9uZw==
        S: 421 4.7.0 mail.example Too many failed logins
        E: closed
    )");
}

TEST(Authentication, NobodyIsJudgedWhileTheDirectoryIsOutOfOrder) {
    expect_conversation(submissions(), R"(
        S: 220 mail.example ESMTP
        C: HELO c
        S: 250 mail.example
        E: out of order
        C: AUTH PLAIN AGpvZQBzZWNyZXQ=
        S: 454 4.7.0 Nobody can log in now; try again later
        E: nobody
    )");
}

TEST(Authentication, AnUnknownNameLooksLikeAKnownOneInScram) {
    World world(relay());
    (void)world.receive("EHLO c\r\n");
    const auto challenge = world.receive("AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9YWJj\r\n");  // n,,n=user,r=abc
    ASSERT_TRUE(challenge.starts_with("334 ")) << challenge;
    const auto text = sasl::decode_base64(challenge.substr(4, challenge.size() - 6));
    ASSERT_TRUE(text);
    EXPECT_TRUE(text->starts_with("r=abc")) << *text;
    const auto nonce = text->substr(2, text->find(',') - 2);
    const auto proof = sasl::encode_base64(std::string(32, 'p'));
    EXPECT_EQ("535 5.7.8 Wrong name or password\r\n",
              world.receive(sasl::encode_base64("c=biws,r=" + nonce + ",p=" + proof) + "\r\n"));
}

TEST(Authentication, InClearNoPasswordIsOfferedOrTaken) {
    expect_conversation(relay(), R"(
        S: 220 mail.example ESMTP
        C: EHLO c
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250-STARTTLS
        S: 250-AUTH SCRAM-SHA-256
        S: 250 HELP
        C: AUTH PLAIN AGpvZQBzZWNyZXQ=
        S: 538 5.7.11 This mechanism needs an encrypted connection
        C: AUTH LOGIN
        S: 538 5.7.11 This mechanism needs an encrypted connection
        E: nobody
        C: MAIL FROM:<a@b.example>
        S: 250 2.1.0 Ok
        C: AUTH SCRAM-SHA-256
        S: 503 5.5.1 Not in the middle of a message
    )");
}

TEST(Authentication, SubmissionBeforeTlsIsForStrangers) {
    expect_conversation(submission(), R"(
        S: 220 mail.example ESMTP
        C: EHLO c
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250-STARTTLS
        S: 250 HELP
        C: MAIL FROM:<a@b.example>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: AUTH SCRAM-SHA-256
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: VRFY joe
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: NOOP
        S: 250 2.0.0 Ok
        C: RSET
        S: 250 2.0.0 Ok
        C: STARTTLS
        S: 220 2.0.0 Go ahead
        C: EHLO c
        S: 250-mail.example
        S: 250-PIPELINING
        S: 250-SIZE 52428800
        S: 250-8BITMIME
        S: 250-SMTPUTF8
        S: 250-CHUNKING
        S: 250-ENHANCEDSTATUSCODES
        S: 250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN
        S: 250 HELP
        C: AUTH PLAIN AGpvZQBzZWNyZXQ=
        S: 235 2.7.0 Welcome
        E: as joe
    )");
}

TEST(Authentication, WhatComesBehindStartTlsInClearIsNoLogin) {
    World world(submission());
    (void)world.receive("EHLO c\r\n");
    const auto heard = world.receive("STARTTLS\r\nAUTH PLAIN AGpvZQBzZWNyZXQ=\r\n");
    EXPECT_EQ("220 2.0.0 Go ahead\r\n", heard);
    EXPECT_EQ("", world.session().account());
}

TEST(Authentication, ResponsesMayBeLong) {
    World world(submissions());
    (void)world.receive("EHLO c\r\nAUTH PLAIN\r\n");
    // A password of 9,000 bytes is wrong, but can be said.
    std::string credentials("\0joe\0", 5);
    credentials.append(9000, 'x');
    auto response = sasl::encode_base64(credentials);
    response += "\r\n";
    EXPECT_EQ("535 5.7.8 Wrong name or password\r\n", world.receive(response));
    (void)world.receive("AUTH PLAIN\r\n");
    std::string line(20'000, 'x');
    line += "\r\n";
    EXPECT_EQ("500 5.5.6 The line is too long for a login\r\n", world.receive(line));
    EXPECT_EQ("250 2.0.0 Ok\r\n", world.receive("NOOP\r\n"));
}

}  // namespace
}  // namespace sims::smtp
