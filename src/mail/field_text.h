// Makes header fields out of words that come from strangers: no line end, no control character and no line
// over 998 octets gets through, whatever they say.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mail/address.h"

namespace sims::mail {

// RFC 5322 2.1.1: never over, preferably not over.
inline constexpr std::size_t line_max = 998;
inline constexpr std::size_t line_wanted = 78;
// What one_line() lets through when nothing smaller is asked: with a field's name it stays below line_max.
inline constexpr std::size_t field_text_max = 900;

// One line of words with one blank between them. Control characters count as blanks; 8-bit bytes stay when
// they are allowed and valid UTF-8, else each becomes '?'. Cut at `bytes_max` (whole characters).
std::string one_line(std::string_view text, Utf8 utf8, std::size_t bytes_max = field_text_max);

// Appends `text`, as one_line() made it, behind what stands on `out`'s last line, folded at blanks with
// `fold` ("\r\n\t") so that lines keep to line_wanted where words allow. Adds no line end.
void append_folded(std::string& out, std::string_view text, std::string_view fold);

// "name: text\r\n", folded.
void append_field(std::string& out, std::string_view name, std::string_view text);

}  // namespace sims::mail
