#include "proto/smtp/body_decoder.h"

#include "base/check.h"

namespace sims::smtp {

proto::Reply reply_for(ContentDefect defect) {
    switch (defect) {
        case ContentDefect::bare_line_feed:
            return {550, "5.6.0 The message has a bare line feed; lines end with CR LF"};
        case ContentDefect::bare_carriage_return:
            return {550, "5.6.0 The message has a bare carriage return; lines end with CR LF"};
        case ContentDefect::too_large: return {552, "5.3.4 The message is too large"};
    }
    return {550, "5.6.0 The message is malformed"};
}

void BodyDecoder::condemn(ContentDefect defect) {
    if (!defect_) defect_ = defect;
}

void BodyDecoder::emit(std::string_view content, std::string& out) {
    if (defect_) return;
    if (content.size() > bytes_max_ - size_) return condemn(ContentDefect::too_large);
    size_ += content.size();
    out.append(content);
}

// From inside a line to behind its end, or to the end of the octets. Two memchr a line, no loop over bytes.
std::size_t BodyDecoder::pass_line(std::string_view octets, std::size_t from) {
    const auto line_feed = octets.find('\n', from);
    const bool ends = line_feed != std::string_view::npos;
    const auto line = octets.substr(from, ends ? line_feed - from : std::string_view::npos);
    const auto first_cr = line.find('\r');
    if (first_cr != std::string_view::npos && first_cr + 1 < line.size())
        condemn(ContentDefect::bare_carriage_return);
    const bool cr_last = !line.empty() && line.back() == '\r';
    if (!ends) {
        at_ = cr_last ? At::after_cr : At::in_line;
        return octets.size();
    }
    if (!cr_last) condemn(ContentDefect::bare_line_feed);
    at_ = cr_last ? At::line_start : At::in_line;
    return line_feed + 1;
}

std::size_t BodyDecoder::feed(std::string_view octets, std::string& out) {
    check(!done(), "octets fed to a body that has ended");
    std::size_t at = 0;
    std::size_t kept = 0;  // octets[kept, at) is content that waits to be copied in one piece
    while (at < octets.size() && at_ != At::end) {
        switch (at_) {
            case At::line_start:
                if (octets[at] != '.') {
                    at = pass_line(octets, at);
                    break;
                }
                emit(octets.substr(kept, at - kept), out);
                kept = ++at;
                at_ = At::after_dot;
                break;
            case At::in_line: at = pass_line(octets, at); break;
            case At::after_cr:
                if (octets[at] == '\n') {
                    ++at;
                    at_ = At::line_start;
                } else {
                    condemn(ContentDefect::bare_carriage_return);
                    at_ = At::in_line;
                }
                break;
            case At::after_dot:
                if (octets[at] == '\r') {
                    kept = ++at;  // half of the end, or condemned: not content either way
                    at_ = At::after_dot_cr;
                } else {
                    at_ = At::in_line;
                }
                break;
            case At::after_dot_cr:
                if (octets[at] == '\n') {
                    kept = ++at;
                    at_ = At::end;
                } else {
                    condemn(ContentDefect::bare_carriage_return);
                    at_ = At::in_line;
                }
                break;
            case At::end: break;
        }
    }
    emit(octets.substr(kept, at - kept), out);
    return at;
}

void ChunkScanner::feed(std::string_view octets) {
    if (octets.empty() || defect_) return;
    if (after_cr_ && octets.front() != '\n') {
        defect_ = ContentDefect::bare_carriage_return;
        return;
    }
    std::size_t at = 0;
    if (after_cr_) at = 1;
    while (at < octets.size()) {
        const auto line_feed = octets.find('\n', at);
        const auto cr =
            octets.substr(at, line_feed == std::string_view::npos ? line_feed : line_feed - at).find('\r');
        const auto line_end = line_feed == std::string_view::npos ? octets.size() : line_feed;
        if (cr != std::string_view::npos && at + cr + 1 != line_end) {
            defect_ = ContentDefect::bare_carriage_return;
            return;
        }
        if (line_feed == std::string_view::npos) break;
        if (cr == std::string_view::npos) {
            defect_ = ContentDefect::bare_line_feed;
            return;
        }
        at = line_feed + 1;
    }
    after_cr_ = octets.back() == '\r';
    at_line_start_ = octets.back() == '\n';
}

std::string_view ChunkScanner::finish() {
    if (after_cr_ && !defect_) defect_ = ContentDefect::bare_carriage_return;
    return at_line_start_ ? std::string_view() : std::string_view("\r\n");
}

}  // namespace sims::smtp
