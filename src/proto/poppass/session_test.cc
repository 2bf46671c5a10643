#include "proto/poppass/session.h"

#include <map>

#include <gtest/gtest.h>

#include "proto/common/lines.h"
#include "proto/common/transcript.h"

namespace sims::poppass {
namespace {

// The world around one session: one account "joe" with password "old secret".
class World final : public proto::Player {
public:
    std::string receive(std::string_view bytes) override {
        std::string out;
        if (!greeted_) perform(session_.greet(), out);
        greeted_ = true;
        buffer_.append(bytes);
        while (!closed_) {
            const auto found = splitter_.next(buffer_);
            const std::string text(found.text);
            buffer_.erase(0, found.consumed);
            if (found.kind == proto::LineSplitter::Kind::incomplete) {
                if (buffer_.empty() || found.consumed == 0) break;
                continue;
            }
            if (found.kind == proto::LineSplitter::Kind::too_long) {
                perform(session_.on(LineTooLong{}), out);
            } else {
                perform(session_.on(LineArrived{text}), out);
            }
        }
        return out;
    }
    std::string event(std::string_view text) override {
        if (text == "closed") return closed_ ? "" : "the connection is open";
        if (text == "open") return closed_ ? "the connection is closed" : "";
        if (text.starts_with("password ")) {
            return password_ == text.substr(9) ? "" : "the password is " + password_;
        }
        return "no such event";
    }

private:
    void perform(Step step, std::string& out) {
        for (;;) {
            out += step.reply;
            if (std::holds_alternative<ReadLine>(step.next)) return;
            if (std::holds_alternative<CloseConnection>(step.next)) {
                closed_ = true;
                return;
            }
            if (const auto* ask = std::get_if<CheckPassword>(&step.next)) {
                const bool right = ask->login == "joe" && ask->password == password_;
                step = session_.on(LoginJudged{right ? LoginVerdict::right : LoginVerdict::wrong});
            } else if (const auto* change = std::get_if<ChangePassword>(&step.next)) {
                if (change->new_password.size() < 8) {
                    step =
                        session_.on(PasswordRefused{"The password is too short:\r\n8 characters at least"});
                } else {
                    password_ = change->new_password;
                    step = session_.on(PasswordChanged{});
                }
            }
        }
    }
    Session session_{{.host = "mail.example.org", .limits = {}}};
    proto::LineSplitter splitter_{1024};
    std::string buffer_;
    std::string password_ = "old secret";
    bool greeted_ = false;
    bool closed_ = false;
};

void expect_transcript(std::string_view transcript) {
    for (const auto delivery : {proto::Delivery::bursts, proto::Delivery::bytes}) {
        World world;
        EXPECT_EQ(proto::play(transcript, world, delivery), "");
    }
}

TEST(Poppass, EudoraAndThePatternOfAll) {
    expect_transcript(R"(
S: 200 mail.example.org password server ready
C: user joe
S: 300 Please send your password now
C: pass old secret
S: 200 Send the new password with newpass
C: newpass new secret
S: 200 The password was changed
E: password new secret
C: quit
S: 200 Bye
E: closed
)");
}

TEST(Poppass, HordeEndsLinesWithLineFeedAlone) {
    expect_transcript(R"(
S: 200 ...
C: user joe\n\c
S: 300 ...
C: pass old secret\n\c
S: 200 ...
C: newpass new secret\n\c
S: 200 ...
C: quit\n\c
S: 200 ...
E: closed
)");
}

TEST(Poppass, StalkersClientSpeaksInCapitals) {
    expect_transcript(R"(
S: 200 ...
C: USER joe
S: 300 ...
C: PASS old secret
S: 200 ...
)");
}

TEST(Poppass, AWrongPasswordEndsItAndTellsNothing) {
    for (const auto* name : {"joe", "nobody"}) {
        expect_transcript(std::string("S: 200 ...\nC: user ") + name +
                          "\nS: 300 Please send your password now\nC: pass wrong\n"
                          "S: 500 Wrong user name or password\nE: closed\n");
    }
}

TEST(Poppass, ARefusalIsOneReadableLineAndThenTheEnd) {
    expect_transcript(R"(
S: 200 ...
C: user joe
S: 300 ...
C: pass old secret
S: 200 ...
C: newpass short
S: 500 The password is too short:\x0d\x0a8 characters at least
E: password old secret
E: closed
)");
}

TEST(Poppass, OutOfOrder) {
    expect_transcript(R"(
S: 200 ...
C: newpass something
S: 500 Send user and pass first
C: pass old secret
S: 500 Send user first
C: user
S: 500 Username required
C: user joe
S: 300 ...
C: newpass something long
S: 500 Send user and pass first
E: password old secret
E: open
C: what
S: 500 Too many bad commands
E: closed
)");
}

TEST(Poppass, ALongLineIsTheEnd) {
    World world;
    world.receive("");
    const auto reply = world.receive("user " + std::string(100'000, 'x') + "\r\n");
    EXPECT_EQ(reply, "500 Line too long\r\n");
}

}  // namespace
}  // namespace sims::poppass
