// The first byte is the size of the pieces; the rest a stored message, and one to be stored.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "mail/mbox.h"

using sims::check;

namespace {

std::string wire_form(std::string_view stored, std::size_t piece) {
    sims::mail::MboxUnquoter unquoter;
    std::string out;
    while (!stored.empty()) {
        unquoter.feed(stored.substr(0, piece), out);
        stored.remove_prefix(std::min(piece, stored.size()));
    }
    unquoter.finish(out);
    return out;
}

void check_round_trip(std::string wire, std::size_t piece) {
    std::string stored;
    sims::mail::append_mbox_quoted(stored, wire);
    check(stored.substr(0, 5) != "From " && stored.find("\nFrom ") == std::string::npos,
          "no From_ line inside");
    // Only messages whose lines end in CRLF are ever stored.
    for (std::size_t i = 0; i < wire.size(); ++i) {
        if (wire[i] == '\r' && (i + 1 == wire.size() || wire[i + 1] != '\n')) return;
        if (wire[i] == '\n' && (i == 0 || wire[i - 1] != '\r')) return;
    }
    if (!wire.empty() && wire.back() != '\n') wire += "\r\n";
    check(wire_form(stored, piece) == wire, "what was quoted comes back");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = data[0] % 32 + 1;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    check(wire_form(text, piece) == wire_form(text, text.size() + 1), "pieces do not matter");
    check_round_trip(std::string(text), piece);
    std::string wire;  // the same with proper line ends
    for (const char c : text) {
        if (c == '\r') continue;
        if (c == '\n') wire += '\r';
        wire += c;
    }
    check_round_trip(wire, piece);
    return 0;
}
