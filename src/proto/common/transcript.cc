#include "proto/common/transcript.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace sims::proto {
namespace {

class Play {
public:
    Play(Player& player, Delivery delivery) : player_(player), delivery_(delivery) {}

    // Empty, or what is wrong.
    std::string line(std::string_view text) {
        text = text.substr(0, text.find_last_not_of('\r') + 1);
        if (trim(text).empty() || text.front() == '#') return {};
        const auto colon = text.find(':');
        if (colon == std::string_view::npos || colon == 0) return "not a transcript line";
        auto rest = text.substr(colon + 1);
        if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
        const auto who = text.substr(0, colon);
        if (who == "C") return client(rest);
        if (auto wrong = send(); !wrong.empty()) return wrong;
        if (who == "S") return server(rest);
        if (who == "E") return player_.event(rest);
        return "not a transcript line";
    }

    std::string finish() {
        if (auto wrong = send(); !wrong.empty()) return wrong;
        return unexpected();
    }

private:
    std::string client(std::string_view text) {
        if (auto wrong = send_greeting(); !wrong.empty()) return wrong;
        if (auto wrong = unexpected(); !wrong.empty()) return wrong;
        burst_ += transcript_bytes(text);
        return {};
    }

    std::string server(std::string_view expected) {
        const auto end = said_.find("\r\n");
        if (end == std::string::npos) return fmt::format("expected \"{}\", got nothing", expected);
        const auto got = said_.substr(0, end);
        said_.erase(0, end + 2);
        const bool open = expected.size() >= 3 && expected.substr(expected.size() - 3) == "...";
        const auto beginning = expected.substr(0, expected.size() - (open ? 3 : 0));
        const bool fits =
            open ? std::string_view(got).substr(0, beginning.size()) == beginning : got == expected;
        return fits ? std::string() : fmt::format("expected \"{}\", got \"{}\"", expected, got);
    }

    std::string unexpected() const {
        return said_.empty() ? std::string() : fmt::format("nobody expected \"{}\"", printable(said_));
    }

    std::string send_greeting() {
        if (!greeted_) said_ += player_.receive({});
        greeted_ = true;
        return {};
    }

    std::string send() {
        send_greeting();
        if (delivery_ == Delivery::bursts && !burst_.empty()) said_ += player_.receive(burst_);
        if (delivery_ == Delivery::bytes) {
            for (const char& c : burst_) said_ += player_.receive({&c, 1});
        }
        burst_.clear();
        return {};
    }

    Player& player_;
    Delivery delivery_;
    bool greeted_ = false;
    std::string burst_;  // of the client, not sent yet
    std::string said_;   // by the session, not looked at yet
};

}  // namespace

std::string transcript_bytes(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            bytes += text[i];
            continue;
        }
        switch (text[++i]) {
            case 'r': bytes += '\r'; break;
            case 'n': bytes += '\n'; break;
            case 't': bytes += '\t'; break;
            case '0': bytes += '\0'; break;
            case 'c':
                if (i + 1 == text.size()) return bytes;
                break;
            case 'x': {
                int value = 0;
                const auto digits = text.substr(i + 1, 2);
                std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
                bytes += static_cast<char>(value);
                i += digits.size();
                break;
            }
            default: bytes += text[i];
        }
    }
    return bytes + "\r\n";
}

std::string play(std::string_view transcript, Player& player, Delivery delivery) {
    Play game(player, delivery);
    std::size_t number = 0;
    for (const auto line : split(transcript, '\n')) {
        ++number;
        const auto indent = line.find_first_not_of(' ');
        const auto wrong = game.line(indent == std::string_view::npos ? line : line.substr(indent));
        if (!wrong.empty()) return fmt::format("line {}: {}", number, wrong);
    }
    const auto wrong = game.finish();
    return wrong.empty() ? wrong : fmt::format("at the end: {}", wrong);
}

}  // namespace sims::proto
