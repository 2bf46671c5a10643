#include "mail/utf8.h"

#include <cstddef>

namespace sims::mail {
namespace {

bool in(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

// Length of the sequence at the front of `text`, 0 when it is none (RFC 3629 4).
std::size_t sequence_length(std::string_view text) {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    const unsigned char lead = static_cast<unsigned char>(at(0));
    const auto tail = [&](std::size_t i) { return in(static_cast<unsigned char>(at(i)), 0x80, 0xbf); };
    const unsigned char second = static_cast<unsigned char>(at(1));
    if (lead < 0x80) return 1;
    if (in(lead, 0xc2, 0xdf)) return tail(1) ? 2 : 0;
    if (in(lead, 0xe0, 0xef)) {
        const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        const unsigned high = lead == 0xed ? 0x9f : 0xbf;
        return in(second, low, high) && tail(2) ? 3 : 0;
    }
    if (in(lead, 0xf0, 0xf4)) {
        const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
        return in(second, low, high) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

}  // namespace sims::mail
