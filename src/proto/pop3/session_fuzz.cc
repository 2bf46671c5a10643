// Whole conversations: the input's lines are what the client says, a byte in front of each is what the world
// does.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/check.h"
#include "proto/pop3/session.h"

using namespace sims;
using namespace sims::pop3;

namespace {

class World final : public Listing {
public:
    explicit World(std::uint8_t first) : count_(first % 8) {}
    std::size_t count() const override { return count_; }
    std::uint64_t size(std::size_t message) const override {
        check(message < count_, "a message that is not there");
        return 100 * (message + 1);
    }
    std::uint64_t total_size() const override {
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < count_; ++i) total += size(i);
        return total;
    }
    void append_uid(std::size_t message, std::string& out) const override {
        out += std::to_string(size(message));
    }

    // The next step after this one, by a bit of fate.
    Input perform(const Effect& effect, std::uint8_t fate) {
        if (std::holds_alternative<CheckPassword>(effect)) {
            check(!opened_, "a second login");
            return LoginJudged{static_cast<LoginVerdict>(fate % 8 > 4 ? 0 : fate % 8)};
        }
        if (std::holds_alternative<OpenMaildrop>(effect)) {
            if (fate % 16 == 15) return MaildropBusy{};
            if (fate % 16 == 14) return MaildropUnavailable{};
            opened_ = true;
            return MaildropOpened{this};
        }
        if (std::holds_alternative<SendListing>(effect)) return ListingSent{};
        if (const auto* message = std::get_if<SendMessage>(&effect)) {
            check(opened_, "a message before the login");
            check(message->message < count_ && deleted_.count(message->message) == 0,
                  "a message that is gone");
            check(message->reply.starts_with("+OK "), "a message without its reply");
            if (fate % 2 == 1) return MessageUnreadable{};
            return MessageSent{};
        }
        if (const auto* deletes = std::get_if<CommitDeletes>(&effect)) {
            check(said_quit_ && std::set(deletes->messages.begin(), deletes->messages.end()) == deleted_ &&
                      !deleted_.empty() && deletes->messages.size() == deleted_.size(),
                  "deletes nobody asked for");
            if (fate % 2 == 1) return DeletesFailed{};
            return DeletesCommitted{};
        }
        check(std::holds_alternative<StartTls>(effect) && !opened_, "an effect out of place");
        return TlsStarted{};
    }

    // A model of RFC 1939 5: what the client did, as far as it was told that it worked.
    void heard(std::string_view line, std::string_view reply) {
        const auto command = parse_command(line);
        const bool good = reply.starts_with("+OK");
        if (std::holds_alternative<Stat>(command) && opened_) {
            std::uint64_t size_left = total_size();
            for (const auto message : deleted_) size_left -= size(message);
            check(reply == "+OK " + std::to_string(count_ - deleted_.size()) + " " +
                               std::to_string(size_left) + "\r\n" ||
                      reply.starts_with("-ERR Too many"),
                  "STAT miscounts");
        }
        if (const auto* dele = std::get_if<Dele>(&command); dele != nullptr && good) {
            check(opened_ && deleted_.insert(static_cast<std::size_t>(dele->number - 1)).second,
                  "deleted twice");
        }
        if (std::holds_alternative<Rset>(command) && good) deleted_.clear();
    }
    void says(std::string_view line) { said_quit_ = std::holds_alternative<Quit>(parse_command(line)); }

private:
    std::size_t count_;
    bool opened_ = false;
    bool said_quit_ = false;
    std::set<std::size_t> deleted_;
};

void check_reply(std::string_view reply) {
    check(reply.empty() || reply.ends_with("\r\n"), "a reply without its line end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    World world(data[0]);
    Config config;
    config.host = "mail.example.org";
    config.tls = static_cast<Tls>(data[1] % 3);
    config.limits.listing_chunk_lines = 2;
    Session session(config);
    std::string_view script(reinterpret_cast<const char*>(data + 2), size - 2);
    auto step = session.greet();
    while (!script.empty() && !std::holds_alternative<CloseConnection>(step.next)) {
        const auto fate = static_cast<std::uint8_t>(script.front());
        const auto end = script.find('\n');
        const auto line = script.substr(1, end == std::string_view::npos || end == 0 ? end : end - 1);
        script = end == std::string_view::npos ? std::string_view() : script.substr(end + 1);
        world.says(line);
        if (line.empty()) {
            step = session.on(LineTooLong{});
        } else {
            step = session.on(LineArrived{line});
        }
        std::string reply = step.reply;
        check_reply(reply);
        while (!std::holds_alternative<ReadLine>(step.next) &&
               !std::holds_alternative<CloseConnection>(step.next)) {
            const bool may_speak =
                std::holds_alternative<SendListing>(step.next) || std::holds_alternative<StartTls>(step.next);
            check(step.reply.empty() != may_speak, "a question carries no reply");
            step = session.on(world.perform(step.next, fate));
            check_reply(step.reply);
            reply += step.reply;
        }
        world.heard(line, reply);
    }
    return 0;
}
