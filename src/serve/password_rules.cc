#include "serve/password_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "directory/directory.h"
#include "mail/utf8.h"

namespace sims::serve {

namespace {

std::size_t characters_of(std::string_view text) {
    if (!mail::is_utf8(text)) return text.size();
    const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins));
}

}  // namespace

Result<> check_new_password(std::string_view chosen, std::string_view old, std::size_t characters_min) {
    if (auto legal = directory::check_password(chosen); !legal) return legal;
    if (chosen == old) return fail(Fault::refused, "The new password is the old one");
    if (characters_of(chosen) < characters_min) {
        return fail(Fault::refused,
                    fmt::format("The new password is too short: at least {} characters", characters_min));
    }
    return {};
}

}  // namespace sims::serve
