// ASCII text: case, trimming, splitting. Bytes of 128 and more are left as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sims {

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

std::string lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

// Without the blanks and tabs at both ends.
std::string_view trim(std::string_view text);

// The pieces between separators, empty ones included. Borrowed from text.
std::vector<std::string_view> split(std::string_view text, char separator);

// For a log line or a reply: control characters as \xNN, at most `bytes_max` bytes of the text.
std::string printable(std::string_view text, std::size_t bytes_max = 256);

// Hash and equality of keys whose case does not count (domains, account names).
struct HashIgnoringCase {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
};
struct EqualIgnoringCase {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return equal_ignoring_case(a, b); }
};

}  // namespace sims
