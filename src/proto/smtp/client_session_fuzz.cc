// A hostile server: every line of the input is a reply, or with a first byte below 8 something else that
// happens. Invariants: one outcome for each recipient; nothing is delivered without a 2yz after content;
// lines are whole.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/text.h"
#include "proto/smtp/client_session.h"
#include "proto/smtp/reply_reader.h"

using namespace sims::smtp;
using sims::check;
using Session = ClientSession;

namespace {

Transaction transaction(std::uint8_t seed) {
    Transaction result;
    const auto address = sims::mail::Address::parse(seed & 1 ? "a@b.example" : "\xc3\xbc@b.example").value();
    if (seed & 2) result.sender.address = address;
    result.recipients.assign(1 + (seed >> 2) % 4, address);
    if (seed & 16) result.body = sims::mail::BodyType::eight_bit_mime;
    if (seed & 32) result.body = sims::mail::BodyType::binary_mime;
    result.smtputf8 = (seed & 64) != 0;
    result.size = seed;
    return result;
}

class Peer {
public:
    Peer(std::uint8_t seed, std::string_view input) : seed_(seed), lines_(sims::split(input, '\n')) {}

    void play() {
        Session session(ClientOptions{"me", seed_ & 128 ? ClientTls::opportunistic : ClientTls::never},
                        transaction(seed_));
        auto step = session.greet();
        for (;;) {
            check(step.send.empty() || step.send.substr(step.send.size() - 2) == "\r\n", "whole lines");
            const auto input = std::visit([this](const auto& effect) { return perform(effect); }, step.next);
            if (!input) return;
            step = session.on(*input);
        }
    }

private:
    using Happening = std::optional<Session::Input>;

    std::string_view line() { return at_ < lines_.size() ? lines_[at_++] : std::string_view(); }

    Happening perform(const Session::ReadReply&) {
        ReplyReader reader;
        for (;;) {
            if (at_ >= lines_.size()) return Session::ConnectionLost{"end"};
            const auto reply = reader.on_line(line());
            if (!reply) return Session::ConnectionLost{reply.error().text};
            if (!*reply) continue;
            last_code_ = (**reply).code;
            return Session::ReplyArrived{**reply};
        }
    }
    Happening perform(const Session::StartTls&) {
        if (line() == "fail") return Session::TlsFailed{"no"};
        return Session::TlsStarted{};
    }
    Happening perform(const Session::SendContent& effect) {
        check(last_code_ == 354 || effect.framing == Framing::exact, "content goes out after 354");
        content_sent_ = true;
        if (line() == "lost") return Session::ConnectionLost{"in content"};
        return Session::ContentSent{};
    }
    Happening perform(const Session::Report& report) {
        check(report.outcomes.size() == transaction(seed_).recipients.size(),
              "an outcome for each recipient");
        for (const auto& outcome : report.outcomes) {
            check(!outcome.words.empty(), "every outcome has words");
            if (outcome.outcome != Outcome::delivered) continue;
            check(content_sent_ && last_code_ >= 200 && last_code_ < 300,
                  "delivered after content and a 2yz only");
        }
        content_sent_ = false;
        if (report.connection == Session::Connection::over) return std::nullopt;
        if (at_ >= lines_.size()) return Session::Leave{};
        seed_ = static_cast<std::uint8_t>(seed_ * 5 + 3);
        return Session::NextTransaction{transaction(seed_)};
    }
    Happening perform(const Session::Close&) { return std::nullopt; }

    std::uint8_t seed_;
    std::vector<std::string_view> lines_;
    std::size_t at_ = 0;
    int last_code_ = 0;
    bool content_sent_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Peer(data[0], {reinterpret_cast<const char*>(data) + 1, size - 1}).play();
    return 0;
}
