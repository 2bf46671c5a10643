#include "directory/values.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <boost/json.hpp>

#include "base/text.h"

namespace sims::directory {

std::optional<bool> parse_boolean(std::string_view text) {
    for (const std::string_view yes : {"true", "yes", "on", "1"}) {
        if (equal_ignoring_case(text, yes)) return true;
    }
    for (const std::string_view no : {"false", "no", "off", "0"}) {
        if (equal_ignoring_case(text, no)) return false;
    }
    return std::nullopt;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<std::int64_t> parse_bytes(std::string_view text) {
    std::int64_t factor = 1;
    if (text.size() > 1 && to_lower(text.back()) == 'b') text.remove_suffix(1);
    if (!text.empty() && !is_digit(text.back())) {
        switch (to_lower(text.back())) {
            case 'k': factor = 1024; break;
            case 'm': factor = 1024 * 1024; break;
            case 'g': factor = 1024 * 1024 * 1024; break;
            default: return std::nullopt;
        }
        text.remove_suffix(1);
    }
    const auto number = parse_number(text);
    if (!number || *number < 0 || *number > std::numeric_limits<std::int64_t>::max() / factor)
        return std::nullopt;
    return *number * factor;
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80   ? 1
                                   : lead < 0xc2 ? 0
                                   : lead < 0xe0 ? 2
                                   : lead < 0xf0 ? 3
                                   : lead < 0xf5 ? 4
                                                 : 0;
        if (length == 0 || i + length > text.size()) return false;
        for (std::size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
        }
        // Overlong forms, surrogates, beyond U+10FFFF: told by the second byte (RFC 3629 4).
        const auto second = length > 1 ? static_cast<unsigned char>(text[i + 1]) : 0x80;
        if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
            (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
            return false;
        }
        i += length;
    }
    return true;
}

namespace {

constexpr std::string_view empty_json_list = "[]";

// What would make a list read differently the next time: separators, and the beginnings of JSON.
Result<> add_item(std::vector<std::string>& items, std::string_view text) {
    const std::string_view item = trim(text);
    if (item.empty()) return {};
    if (item.find_first_of(",\"") != std::string_view::npos || item == empty_json_list || has_control(item)) {
        return fail(Fault::invalid, "the list item \"" + printable(item) +
                                        "\" has a comma, a quote or a control character in it");
    }
    items.emplace_back(item);
    return {};
}

Result<std::vector<std::string>> parse_json_list(std::string_view text) {
    boost::system::error_code error;
    const auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
    if (error || !value.is_array()) return fail(Fault::invalid, "this is not a JSON array of texts");
    std::vector<std::string> items;
    for (const auto& element : value.get_array()) {
        const auto* item = element.if_string();
        if (item == nullptr) return fail(Fault::invalid, "this is not a JSON array of texts");
        if (auto added = add_item(items, std::string_view(item->data(), item->size())); !added)
            return added.error();
    }
    return items;
}

}  // namespace

Result<std::vector<std::string>> parse_list(std::string_view text) {
    text = trim(text);
    if (text.starts_with('[') && text.find('"') != std::string_view::npos) return parse_json_list(text);
    if (text == empty_json_list) return std::vector<std::string>{};
    std::vector<std::string> items;
    for (const auto piece : split(text, ',')) {
        if (auto added = add_item(items, piece); !added) return added.error();
    }
    return items;
}

}  // namespace sims::directory
