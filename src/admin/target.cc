#include "admin/target.h"

#include "base/text.h"

namespace sims::admin {

namespace {

enum class Plus { literal, blank };  // in a query '+' is a blank (application/x-www-form-urlencoded)

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    const char l = to_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::optional<std::string> decode(std::string_view text, Plus plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3) return std::nullopt;
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            c = static_cast<char>(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus == Plus::blank) {
            c = ' ';
        }
        if (is_control(c)) return std::nullopt;
        out.push_back(c);
    }
    return out;
}

bool add_parameter(Target& target, std::string_view item) {
    const auto equals = item.find('=');
    const auto raw_value = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
    auto name = decode(item.substr(0, equals), Plus::blank);
    auto value = decode(raw_value, Plus::blank);
    if (!name || !value || target.query.size() == TargetLimits::parameters_max) return false;
    target.query.emplace_back(std::move(*name), std::move(*value));
    return true;
}

}  // namespace

const std::string* Target::parameter(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) return &value;
    }
    return nullptr;
}

std::optional<Target> parse_target(std::string_view text) {
    if (text.empty() || text.front() != '/' || text.size() > TargetLimits::bytes_max) return std::nullopt;
    Target out;
    const auto mark = text.find('?');
    for (const auto piece : split(text.substr(1, mark == std::string_view::npos ? mark : mark - 1), '/')) {
        if (piece.empty()) continue;
        auto segment = decode(piece, Plus::literal);
        if (!segment || out.path.size() == TargetLimits::segments_max) return std::nullopt;
        out.path.push_back(std::move(*segment));
    }
    if (mark == std::string_view::npos) return out;
    for (const auto item : split(text.substr(mark + 1), '&')) {
        if (!item.empty() && !add_parameter(out, item)) return std::nullopt;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
    return out;
}

}  // namespace sims::admin
