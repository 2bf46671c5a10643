// Whole conversations: the input is what the client sends; its first byte seeds the outside world's verdicts
// and how the bytes are cut. Invariants: a question carries no reply; every message has recipients within the
// limit; codes are real; the same bytes in other pieces give the same words.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "proto/smtp/server_world.h"

using namespace sims::smtp;
using sims::check;

namespace {

ServerOptions options() {
    ServerOptions result{"h", {}, TlsOffer::none};
    result.limits.message_bytes_max = 300;
    result.limits.recipients_max = 3;
    result.limits.bad_commands_max = 12;
    result.limits.chunk_discard_max = 600;
    return result;
}

class World final : public ServerWorld {
public:
    World(ServerOptions with, std::uint8_t seed) : ServerWorld(std::move(with)), seed_(seed) {}

protected:
    Session::Input judge(const Session::JudgeSender&) override { return verdict(); }
    Session::Input judge(const Session::JudgeRecipient& question) override {
        check(session().holds_message() == false, "no message is open while a recipient is judged");
        check(question.recipient.text().size() <= CommandLimits::line_bytes_max, "a recipient fits a line");
        return verdict();
    }
    Session::Input begin(const sims::mail::Envelope& envelope) override {
        check(!envelope.recipients.empty() && envelope.recipients.size() <= options().limits.recipients_max,
              "a message has recipients within the limit");
        if (refuses()) return Session::Refused{{452, "4.3.1 No"}};
        return Session::MessageBegun{};
    }
    Session::Input complete(const sims::mail::Envelope&, const std::string& content) override {
        check(session().holds_message(), "a complete message was held");
        check(content.size() <= options().limits.message_bytes_max + 2, "content within the limit");
        if (refuses()) return Session::Refused{{554, "5.6.0 No"}};
        return Session::MessageQueued{"Q"};
    }
    void on_step(const Session::Step& step) override {
        if (step.reply) {
            check(step.reply->code >= 200 && step.reply->code < 600, "a real code");
            check(!step.reply->text.empty(), "a reply has words");
        }
        const bool question = std::holds_alternative<Session::JudgeSender>(step.next) ||
                              std::holds_alternative<Session::JudgeRecipient>(step.next) ||
                              std::holds_alternative<Session::BeginMessage>(step.next) ||
                              std::holds_alternative<Session::ReceiveChunk>(step.next);
        check(!question || !step.reply, "a question carries no reply");
        check(!std::holds_alternative<Session::ReceiveData>(step.next) || step.reply->code == 354,
              "DATA is 354");
    }

private:
    bool refuses() {
        state_ = state_ * 1103515245U + 12345U + seed_;
        return seed_ != 0 && (state_ >> 16) % 4 == 0;
    }
    Session::Input verdict() {
        if (refuses()) return Session::Refused{{550, "5.7.1 No"}};
        return Session::Welcome{};
    }
    std::uint32_t seed_;
    std::uint32_t state_ = 1;
};

std::string converse(std::string_view input, std::uint8_t seed, std::size_t step) {
    World world(options(), seed);
    std::string said = world.receive({});
    for (std::size_t at = 0; at < input.size() && !world.closed(); at += step)
        said += world.receive(input.substr(at, step));
    return said;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto said = converse(input, data[0], size);
    check(said == converse(input, data[0], 1), "pieces do not matter");
    check(said == converse(input, data[0], 7), "pieces do not matter");
    return 0;
}
