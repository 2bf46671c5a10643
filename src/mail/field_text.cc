#include "mail/field_text.h"

#include "mail/utf8.h"

namespace sims::mail {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t column(const std::string& out) {
    const auto line = out.rfind('\n');
    return line == std::string::npos ? out.size() : out.size() - line - 1;
}

}  // namespace

std::string one_line(std::string_view text, Utf8 utf8, std::size_t bytes_max) {
    // Whole characters only; the rest of a long text is not looked at.
    std::size_t cut = text.size();
    if (cut > bytes_max) {
        cut = bytes_max;
        while (cut > 0 && bytes_max - cut < 4 && is_continuation(text[cut])) --cut;
    }
    text = text.substr(0, cut);
    const bool keep_high = utf8 == Utf8::allowed && is_utf8(text);
    std::string line;
    line.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || byte == 0x7f) {
            if (!line.empty() && line.back() != ' ') line += ' ';
        } else {
            line += byte >= 0x80 && !keep_high ? '?' : c;
        }
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

void append_folded(std::string& out, std::string_view text, std::string_view fold) {
    std::size_t at_column = column(out);
    bool first = true;
    while (!text.empty()) {
        const auto length = std::min(text.find(' '), text.size());
        if (!first && at_column + 1 + length > line_wanted) {
            out += fold;
            at_column = column(out);
        } else if (!first) {
            out += ' ';
            ++at_column;
        }
        first = false;
        out += text.substr(0, length);
        at_column += length;
        text.remove_prefix(std::min(length + 1, text.size()));
    }
}

void append_field(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    out += ": ";
    append_folded(out, text, "\r\n\t");
    out += "\r\n";
}

}  // namespace sims::mail
