#include "proto/pop3/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "proto/common/lines.h"
#include "proto/common/transcript.h"
#include "proto/pop3/message_encoder.h"

namespace sims::pop3 {
namespace {

// A maildrop of messages as texts, and a world that does what E lines told it.
class World final : public proto::Player, public Listing {
public:
    explicit World(Config config) : session(std::move(config)), splitter(Limits().line_bytes_max) {}

    std::size_t count() const override { return messages.size(); }
    std::uint64_t size(std::size_t message) const override { return messages[message].size(); }
    std::uint64_t total_size() const override {
        std::uint64_t total = 0;
        for (const auto& message : messages) total += message.size();
        return total;
    }
    void append_uid(std::size_t message, std::string& out) const override {
        out += fmt::format("uid-{}", message + 1);
    }

    std::string receive(std::string_view bytes) override {
        std::string sent;
        if (!greeted) take(session.greet(), sent);
        greeted = true;
        buffer += bytes;
        while (!closed) {
            const auto found = splitter.next(buffer);
            if (found.kind == proto::LineSplitter::Kind::incomplete) {
                buffer.erase(0, found.consumed);
                if (found.consumed > 0) continue;
                break;
            }
            const bool too_long = found.kind == proto::LineSplitter::Kind::too_long;
            take(too_long ? session.on(LineTooLong{}) : session.on(LineArrived{found.text}), sent);
            buffer.erase(0, found.consumed);
        }
        return sent;
    }

    std::string event(std::string_view text) override {
        if (text == "closed") return closed ? "" : "the session goes on";
        if (text == "open") return closed ? "the session is over" : "";
        if (text.starts_with("asked ")) {
            return asked == text.substr(6) ? "" : fmt::format("asked \"{}\"", asked);
        }
        if (text.starts_with("deleted ")) {
            return deleted == text.substr(8) ? "" : fmt::format("deleted \"{}\"", deleted);
        }
        fate = text;
        return "";
    }

    std::vector<std::string> messages;
    bool closed = false;
    std::string deleted = "none";

private:
    void take(Step step, std::string& sent) {
        for (;;) {
            sent += step.reply;
            if (std::holds_alternative<ReadLine>(step.next)) return;
            if (std::holds_alternative<CloseConnection>(step.next)) {
                closed = true;
                return;
            }
            auto input = std::visit([&](const auto& effect) { return perform(effect, sent); }, step.next);
            step = session.on(input);
        }
    }
    Input perform(const ReadLine&, std::string&) { return LineTooLong{}; }
    Input perform(const CloseConnection&, std::string&) { return LineTooLong{}; }
    Input perform(const CheckPassword& effect, std::string&) {
        asked = effect.login + "/" + effect.password;
        if (fate == "wrong") return LoginJudged{LoginVerdict::wrong};
        if (fate == "disabled") return LoginJudged{LoginVerdict::login_disabled};
        if (fate == "apop") return LoginJudged{LoginVerdict::apop_required};
        if (fate == "unavailable") return LoginJudged{LoginVerdict::unavailable};
        return LoginJudged{LoginVerdict::right};
    }
    Input perform(const OpenMaildrop&, std::string&) {
        if (fate == "busy") return MaildropBusy{};
        if (fate == "broken") return MaildropUnavailable{};
        return MaildropOpened{this};
    }
    Input perform(const SendListing&, std::string&) { return ListingSent{}; }
    Input perform(const SendMessage& effect, std::string& sent) {
        if (fate == "broken") return MessageUnreadable{};
        sent += effect.reply;
        MessageEncoder encoder(effect.body_lines);
        encoder.feed(messages[effect.message], sent);
        encoder.finish(sent);
        return MessageSent{};
    }
    Input perform(const CommitDeletes& effect, std::string&) {
        deleted = fmt::format("{}", fmt::join(effect.messages, " "));
        if (fate == "broken") return DeletesFailed{};
        return DeletesCommitted{};
    }
    Input perform(const StartTls&, std::string&) {
        buffer.clear();
        return TlsStarted{};
    }

    Session session;
    proto::LineSplitter splitter;
    std::string buffer, fate, asked;
    bool greeted = false;
};

Config config(Tls tls = Tls::unavailable) {
    Config made;
    made.host = "mail.example.org";
    made.tls = tls;
    return made;
}

void expect_play(std::string_view transcript, const Config& with = config()) {
    for (const auto delivery : {proto::Delivery::bursts, proto::Delivery::bytes}) {
        World world(with);
        world.messages = {"A: 1\r\n\r\none\r\n", "A: 2\r\n\r\n.two\r\nlines\r\n", "A: 3\r\n\r\nthree\r\n"};
        EXPECT_EQ(proto::play(transcript, world, delivery), "");
    }
}

constexpr std::string_view login = R"(
S: +OK mail.example.org POP3 ready
C: USER joe
S: +OK Send the password
C: PASS secret
S: +OK Logged in, 3 messages
)";

std::string logged_in(std::string_view rest) { return std::string(login) + std::string(rest); }

TEST(Session, AVisitFromRfc1939) {
    expect_play(logged_in(R"(
C: STAT
S: +OK 3 49
C: LIST
S: +OK 3 messages (49 octets)
S: 1 13
S: 2 21
S: 3 15
S: .
C: UIDL
S: +OK Unique ids follow
S: 1 uid-1
S: 2 uid-2
S: 3 uid-3
S: .
C: RETR 2
S: +OK 21 octets
S: A: 2
S: 
S: ..two
S: lines
S: .
C: TOP 2 1
S: +OK Top of message follows
S: A: 2
S: 
S: ..two
S: .
C: DELE 1
S: +OK Message 1 deleted
C: QUIT
S: +OK Bye
E: deleted 0
E: closed
)"));
}

TEST(Session, PipelinedCommandsAreAnsweredInOrder) {
    expect_play(R"(
S: +OK mail.example.org POP3 ready
C: CAPA
C: USER joe
C: PASS secret
C: STAT
C: UIDL 3
C: QUIT
S: +OK Capabilities follow
S: TOP
S: UIDL
S: USER
S: RESP-CODES
S: AUTH-RESP-CODE
S: PIPELINING
S: EXPIRE NEVER
S: .
S: +OK Send the password
S: +OK Logged in, 3 messages
S: +OK 3 49
S: +OK 3 uid-3
S: +OK Bye
E: deleted none
E: closed
)");
}

TEST(Session, PasswordsRunToTheEndOfTheLine) {
    expect_play(R"(
S: +OK...
C: user joe@example.org
S: +OK...
C: pass  my secret 
S: +OK Logged in...
E: asked joe@example.org/ my secret 
)");
}

TEST(Session, MarkedMessagesAreGoneFromEverythingUntilRset) {
    expect_play(logged_in(R"(
C: DELE 2
S: +OK Message 2 deleted
C: DELE 2
S: -ERR Message 2 is deleted
C: RETR 2
S: -ERR Message 2 is deleted
C: TOP 2 0
S: -ERR Message 2 is deleted
C: LIST 2
S: -ERR Message 2 is deleted
C: UIDL 2
S: -ERR Message 2 is deleted
C: STAT
S: +OK 2 28
C: LIST
S: +OK 2 messages (28 octets)
S: 1 13
S: 3 15
S: .
C: UIDL
S: +OK Unique ids follow
S: 1 uid-1
S: 3 uid-3
S: .
C: RSET
S: +OK 3 messages (49 octets)
C: LIST 2
S: +OK 2 21
C: QUIT
S: +OK Bye
E: deleted none
)"));
}

TEST(Session, NumbersThatAreNoMessage) {
    expect_play(logged_in(R"(
C: RETR 0
S: -ERR No such message, there are 3
C: RETR 4
S: -ERR No such message, there are 3
C: DELE 99999999999999999999
S: -ERR Syntax: DELE number
C: TOP 1
S: -ERR Syntax: TOP number lines
)"));
}

TEST(Session, NothingIsReadBeforeTheLogin) {
    expect_play(R"(
S: +OK...
C: STAT
S: -ERR Log in first
C: RETR 1
S: -ERR Log in first
C: DELE 1
S: -ERR Log in first
C: NOOP
S: -ERR Log in first
C: PASS secret
S: -ERR USER first
C: APOP joe c4c9334bac560ecc979e58001b3e22fb
S: -ERR Unknown command
C: AUTH PLAIN
S: -ERR Unknown command
C: QUIT
S: +OK Bye
E: deleted none
E: closed
)");
}

TEST(Session, NoSecondLogin) {
    expect_play(logged_in(R"(
C: USER ann
S: -ERR You are logged in already
C: PASS x
S: -ERR You are logged in already
C: STLS
S: -ERR You are logged in already
)"));
}

TEST(Session, ThreeFailedLoginsEndIt) {
    expect_play(R"(
S: +OK...
E: wrong
C: USER joe
S: +OK...
C: PASS x
S: -ERR [AUTH] Wrong user name or password
C: PASS y
S: -ERR USER first
C: USER joe
S: +OK...
C: PASS x
S: -ERR [AUTH] Wrong user name or password
E: open
C: USER joe
S: +OK...
C: PASS x
S: -ERR [AUTH] Wrong user name or password; too many failed logins
E: closed
)");
}

TEST(Session, LoginsThatTroubleEnds) {
    const auto refused = [](std::string_view fate, std::string_view reply) {
        expect_play(fmt::format("S: +OK...\nE: {}\nC: USER joe\nS: +OK...\nC: PASS x\nS: {}\nE: closed\n",
                                fate, reply));
    };
    refused("disabled", "-ERR [SYS/PERM] This account may not log in");
    refused("apop", "-ERR [AUTH] This account takes APOP logins only");
    refused("unavailable", "-ERR [SYS/TEMP] Cannot log in now, try again later");
    refused("busy", "-ERR [IN-USE] Another session holds this mailbox");
    refused("broken", "-ERR [SYS/TEMP] The mailbox cannot be read now");
}

TEST(Session, TroubleWithMessagesAndDeletes) {
    expect_play(logged_in(R"(
E: broken
C: RETR 1
S: -ERR [SYS/TEMP] The message cannot be read now
C: STAT
S: +OK 3 49
C: DELE 3
S: +OK...
C: QUIT
S: -ERR [SYS/TEMP] The deleted messages could not be removed
E: closed
)"));
}

TEST(Session, StlsForgetsWhatWasSaidInClear) {
    // The burst after STLS is what an attacker could slip in: it must not be read as if it came under TLS.
    World world(config(Tls::offered));
    EXPECT_EQ(proto::play(R"(
S: +OK...
C: CAPA
S: +OK Capabilities follow
S: TOP
S: UIDL
S: USER
S: RESP-CODES
S: AUTH-RESP-CODE
S: PIPELINING
S: EXPIRE NEVER
S: STLS
S: .
C: USER joe
S: +OK...
C: STLS
S: +OK Begin TLS
C: PASS secret
S: -ERR USER first
C: STLS
S: -ERR TLS is active already
)",
                          world, proto::Delivery::bursts),
              "");
    expect_play("S: +OK...\nC: STLS\nS: -ERR TLS is not available\n");
}

TEST(Session, NoiseIsBoundedAndEndsIt) {
    World world(config());
    std::string noise(1023, 'x');
    noise += "\r\n";
    EXPECT_EQ(world.receive(noise), "+OK mail.example.org POP3 ready\r\n-ERR Line too long\r\n");
    for (int i = 0; i < 18; ++i) EXPECT_EQ(world.receive("nonsense\r\n"), "-ERR Unknown command\r\n");
    EXPECT_EQ(world.receive("nonsense\r\n"), "-ERR Too many bad commands\r\n");
    EXPECT_TRUE(world.closed);
}

TEST(Session, LongListsComeInBoundedParts) {
    World world(config());
    world.messages.assign(50'000, "x\r\n");
    world.receive("USER joe\r\nPASS x\r\n");
    Session session(config());
    session.greet();
    session.on(LineArrived{"USER joe"});
    session.on(LineArrived{"PASS x"});
    session.on(LoginJudged{LoginVerdict::right});
    session.on(MaildropOpened{&world});
    session.on(LineArrived{"DELE 50000"});
    auto step = session.on(LineArrived{"UIDL"});
    std::size_t parts = 1, lines = 0;
    std::string all = step.reply;
    for (; std::holds_alternative<SendListing>(step.next); ++parts) {
        EXPECT_LT(step.reply.size(), 16U * 1024);
        step = session.on(ListingSent{});
        all += step.reply;
    }
    for (const char c : all) lines += c == '\n' ? 1 : 0;
    EXPECT_EQ(lines, 1U + 49'999 + 1);
    EXPECT_GT(parts, 50U);
    EXPECT_TRUE(all.ends_with("49999 uid-49999\r\n.\r\n"));
    EXPECT_TRUE(session.on(LineArrived{"STAT"}).reply.starts_with("+OK 49999 "));
}

}  // namespace
}  // namespace sims::pop3
