#include "proto/pop3/message_encoder.h"

namespace sims::pop3 {

void MessageEncoder::feed(std::string_view piece, std::string& out) {
    if (cut_) return;
    if (body_lines_) piece = cut_to_size(piece);
    append_stuffed(piece, out);
}

// As much of the piece as TOP wants: header, empty line, and so many lines of the body.
std::string_view MessageEncoder::cut_to_size(std::string_view piece) {
    std::size_t done = 0;
    while (done < piece.size()) {
        if (in_body_ && *body_lines_ == 0) {
            cut_ = true;
            return piece.substr(0, done);
        }
        const auto end = piece.find('\n', done);
        const auto part = piece.substr(done, end == std::string_view::npos ? end : end - done);
        if (!part.empty()) line_ = line_ == Line::blank && part == "\r" ? Line::carriage_return : Line::text;
        if (end == std::string_view::npos) return piece;
        done = end + 1;
        if (in_body_) {
            --*body_lines_;
        } else if (line_ != Line::text) {
            in_body_ = true;
        }
        line_ = Line::blank;
    }
    cut_ = in_body_ && *body_lines_ == 0;
    return piece;
}

void MessageEncoder::append_stuffed(std::string_view piece, std::string& out) {
    if (piece.empty()) return;
    const char first = piece.front();
    if (first == '.' && last_ == '\n') out += '.';
    before_last_ = piece.size() > 1 ? piece[piece.size() - 2] : last_;
    last_ = piece.back();
    // Dots are rarer than line ends (in base64 there are none), so they are what is searched.
    std::size_t copied = 0;
    for (auto dot = piece.find('.', 1); dot != std::string_view::npos; dot = piece.find('.', dot + 1)) {
        if (piece[dot - 1] != '\n') continue;
        out.append(piece, copied, dot - copied);
        out += '.';
        copied = dot;
    }
    out.append(piece, copied);
}

void MessageEncoder::finish(std::string& out) {
    if (last_ != '\n') {
        out += last_ == '\r' ? "\n" : "\r\n";
    } else if (before_last_ != '\r') {
        out += "\r\n";  // a bare LF ends no line, so the closing dot would not stand alone
    }
    out += ".\r\n";
}

}  // namespace sims::pop3
