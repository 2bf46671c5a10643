#include "proto/common/reply.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"

namespace sims::proto {
namespace {

constexpr std::size_t report_bytes_max = 1024;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

void append_line(std::string& out, std::string_view line) {
    for (const char c : line) out += is_control(c) ? '?' : c;
    out += "\r\n";
}

}  // namespace

std::string Reply::one_line() const {
    std::string joined = fmt::format("{:03} ", code);
    for (const char c : text) joined += c == '\n' ? ' ' : c;
    return printable(joined, report_bytes_max);
}

void append_reply(std::string& out, const Reply& reply) {
    check(reply.code >= 200 && reply.code <= 599, "a reply code is 200 to 599");
    char number[4] = {static_cast<char>('0' + reply.code / 100),
                      static_cast<char>('0' + reply.code / 10 % 10), static_cast<char>('0' + reply.code % 10),
                      '-'};
    std::string_view rest = reply.text;
    for (;;) {
        const auto end = rest.find('\n');
        const bool last = end == std::string_view::npos;
        number[3] = last ? ' ' : '-';
        out.append(number, sizeof number);
        append_line(out, rest.substr(0, end));
        if (last) return;
        rest.remove_prefix(end + 1);
    }
}

}  // namespace sims::proto
