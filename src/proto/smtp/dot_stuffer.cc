#include "proto/smtp/dot_stuffer.h"

namespace sims::smtp {

void DotStuffer::feed(std::string_view content, std::string& out) {
    while (!content.empty()) {
        if (at_ == At::after_cr) {
            // The CR went out already, and its LF goes out now, whether the content has it or not.
            out += '\n';
            at_ = At::line_start;
            if (content.front() == '\n') content.remove_prefix(1);
            continue;
        }
        if (at_ == At::line_start && content.front() == '.') out += '.';
        const auto line_feed = content.find('\n');
        const auto line = content.substr(0, line_feed);
        const auto cr = line.find('\r');
        if (cr != std::string_view::npos) {
            out.append(line.substr(0, cr + 1));
            content.remove_prefix(cr + 1);
            at_ = At::after_cr;
            continue;
        }
        out.append(line);
        content.remove_prefix(line.size());
        at_ = At::in_line;
        if (content.empty()) return;
        out += "\r\n";  // for a bare LF
        content.remove_prefix(1);
        at_ = At::line_start;
    }
}

void DotStuffer::finish(std::string& out) {
    switch (at_) {
        case At::line_start: break;
        case At::in_line: out += "\r\n"; break;
        case At::after_cr: out += '\n'; break;
    }
    out += ".\r\n";
    at_ = At::line_start;
}

}  // namespace sims::smtp
