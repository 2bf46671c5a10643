#include "mail/mbox.h"

#include <cstring>

#include "mail/date.h"

namespace sims::mail {
namespace {

constexpr std::string_view from = "From ";
constexpr std::string_view null_sender = "MAILER-DAEMON";

// Whether the line matches /^>*From /.
bool needs_quote(std::string_view line) {
    // Nearly all lines end here: one comparison.
    if (line.empty() || (line.front() != 'F' && line.front() != '>')) return false;
    const auto first = line.find_first_not_of('>');
    return first != std::string_view::npos && line.substr(first, from.size()) == from;
}

}  // namespace

std::string mbox_from_line(const ReversePath& sender, TimePoint received) {
    std::string line(from);
    const std::string address = sender.is_null() ? std::string(null_sender) : sender.text();
    for (const char c : address) {
        const bool blank = static_cast<unsigned char>(c) <= ' ' || c == 0x7f;
        line += blank ? '_' : c;
    }
    line += ' ';
    line += mbox_date(received);
    line += '\n';
    return line;
}

void append_mbox_quoted(std::string& out, std::string_view wire) {
    // Removed CRs pay for the quotes of all but strange messages.
    out.reserve(out.size() + wire.size() + 1);
    while (!wire.empty()) {
        const auto* end = static_cast<const char*>(std::memchr(wire.data(), '\n', wire.size()));
        const std::size_t length = end ? static_cast<std::size_t>(end - wire.data()) : wire.size();
        if (needs_quote(wire.substr(0, length))) out += '>';
        const bool crlf = end && length > 0 && wire[length - 1] == '\r';
        out.append(wire.data(), crlf ? length - 1 : length);
        out += '\n';
        wire.remove_prefix(end ? length + 1 : length);
    }
}

std::string mbox_render(const ReversePath& sender, TimePoint received, std::string_view trace,
                        std::string_view wire) {
    std::string message = mbox_from_line(sender, received);
    message.reserve(message.size() + trace.size() + wire.size() + AddressLimits::path_max);
    message += "Return-Path: <";
    message += sender.text();
    message += ">\n";
    append_mbox_quoted(message, trace);
    append_mbox_quoted(message, wire);
    message += '\n';
    return message;
}

void MboxUnquoter::take_line_start(char c, std::string& out) {
    // Of a row of '>' the last is held back: whichever is taken away, the rest looks the same. So what is
    // pending is never longer than ">From".
    if (c == '>' && pending_.size() <= 1) {
        if (!pending_.empty()) out += '>';
        pending_.assign(1, '>');
        return;
    }
    if (!pending_.empty() && c == from[pending_.size() - 1]) {
        pending_ += c;
        if (pending_.size() < from.size() + 1) return;
        out += from;
        pending_.clear();
    } else {
        out += pending_;
        pending_.clear();
        put(c, out);
        return;
    }
    line_start_ = false;
    last_cr_ = false;
}

// One byte that has no part in a quote.
void MboxUnquoter::put(char c, std::string& out) {
    if (c == '\n' && !last_cr_) out += '\r';
    out += c;
    line_start_ = c == '\n';
    last_cr_ = c == '\r';
}

void MboxUnquoter::feed(std::string_view stored, std::string& out) {
    out.reserve(out.size() + stored.size() + stored.size() / 16);
    while (!stored.empty()) {
        if (line_start_) {
            take_line_start(stored.front(), out);
            stored.remove_prefix(1);
            continue;
        }
        const auto* end = static_cast<const char*>(std::memchr(stored.data(), '\n', stored.size()));
        const std::size_t length = end ? static_cast<std::size_t>(end - stored.data()) : stored.size();
        out.append(stored.data(), length);
        if (length > 0) last_cr_ = stored[length - 1] == '\r';
        if (end) put('\n', out);
        stored.remove_prefix(end ? length + 1 : length);
    }
}

void MboxUnquoter::finish(std::string& out) {
    if (!pending_.empty()) {
        out += pending_;
        pending_.clear();
        last_cr_ = false;
        line_start_ = false;
    }
    if (!line_start_) put('\n', out);
    line_start_ = true;
    last_cr_ = false;
}

}  // namespace sims::mail
