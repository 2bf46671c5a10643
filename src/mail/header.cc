#include "mail/header.h"

#include <algorithm>

#include "base/text.h"

namespace sims::mail {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// ftext of RFC 5322 3.6.8.
constexpr bool is_name_byte(char c) { return c > ' ' && c < 0x7f && c != ':'; }

// Behind the line that starts at `at`.
std::size_t line_end(std::string_view text, std::size_t at) {
    const auto end = text.find('\n', at);
    return end == std::string_view::npos ? text.size() : end + 1;
}

std::string_view without_line_end(std::string_view text) {
    if (!text.empty() && text.back() == '\n') {
        text.remove_suffix(1);
        if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    }
    return text;
}

// Length of the field name at the front; npos when there is none. Blanks before the colon are old but legal
// (RFC 5322 4.5).
std::size_t find_colon(std::string_view line) {
    const auto name = std::find_if_not(line.begin(), line.end(), is_name_byte);
    const auto colon = std::find_if_not(name, line.end(), is_blank);
    if (name == line.begin() || colon == line.end() || *colon != ':') return std::string_view::npos;
    return static_cast<std::size_t>(colon - line.begin());
}

}  // namespace

std::optional<HeaderField> HeaderReader::next() {
    if (done_) return std::nullopt;
    std::size_t end = line_end(message_, at_);
    const auto first = message_.substr(at_, end - at_);
    const auto colon = find_colon(first);
    if (colon == std::string_view::npos) {
        done_ = true;
        if (without_line_end(first).empty()) at_ = end;
        return std::nullopt;
    }
    while (end < message_.size() && is_blank(message_[end]) && message_[end - 1] == '\n') {
        end = line_end(message_, end);
    }
    const auto whole = message_.substr(at_, end - at_);
    at_ = end;
    return HeaderField{trim(whole.substr(0, colon)), without_line_end(whole.substr(colon + 1)), whole};
}

std::optional<std::string> header_value(std::string_view message, std::string_view name) {
    HeaderReader reader(message);
    while (const auto field = reader.next()) {
        if (!equal_ignoring_case(field->name, name)) continue;
        std::string value;
        value.reserve(field->body.size());
        for (std::size_t i = 0; i < field->body.size(); ++i) {
            const bool crlf = field->body.substr(i, 2) == "\r\n";
            if (!crlf && field->body[i] != '\n') value += field->body[i];
        }
        return std::string(trim(value));
    }
    return std::nullopt;
}

std::size_t count_received(std::string_view message) {
    std::size_t count = 0;
    HeaderReader reader(message);
    while (const auto field = reader.next()) count += equal_ignoring_case(field->name, "Received") ? 1 : 0;
    return count;
}

}  // namespace sims::mail
