// The texts people write for truth, sizes and lists; shared by settings and account attributes. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sims::directory {

// true, yes, on, 1; false, no, off, 0; case ignored.
std::optional<bool> parse_boolean(std::string_view text);

// A whole number, perhaps negative.
std::optional<std::int64_t> parse_number(std::string_view text);

// A number of bytes: plain, or with k, M or G (powers of 1,024; case ignored, a "B" behind it too).
std::optional<std::int64_t> parse_bytes(std::string_view text);

// "a, b,c", or a JSON array of texts. Items are trimmed, empty ones are dropped. Errors: items with commas,
// control characters, broken JSON.
Result<std::vector<std::string>> parse_list(std::string_view text);

// Whether there is a byte below 0x20, or 0x7f.
bool has_control(std::string_view text);

// Well-formed UTF-8 (what JSON answers and log lines need).
bool is_utf8(std::string_view text);

}  // namespace sims::directory
