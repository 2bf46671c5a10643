#include "admin/authority.h"

#include "base/text.h"

namespace sims::admin {

namespace {

constexpr std::size_t credentials_bytes_max = 2048;

int sextet(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

// RFC 4648 4; padding may be left out.
std::optional<std::string> decode_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const int value = sextet(c);
        if (value < 0) return std::nullopt;
        bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffff;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out.push_back(static_cast<char>(bits >> held & 0xff));
    }
    return out;
}

}  // namespace

std::optional<BasicCredentials> parse_basic(std::string_view field) {
    constexpr std::string_view scheme = "basic ";
    field = trim(field);
    if (field.size() > credentials_bytes_max || !starts_with_ignoring_case(field, scheme))
        return std::nullopt;
    const auto plain = decode_base64(trim(field.substr(scheme.size())));
    if (!plain) return std::nullopt;
    const auto colon = plain->find(':');
    if (colon == std::string::npos) return std::nullopt;
    return BasicCredentials{plain->substr(0, colon), plain->substr(colon + 1)};
}

Verdict judge_login(directory::Directory& directory, const BasicCredentials& credentials) {
    switch (directory.verify_password(credentials.user, credentials.password)) {
        case directory::PasswordVerdict::right: break;
        case directory::PasswordVerdict::unavailable: return {Admission::unavailable, {}};
        case directory::PasswordVerdict::wrong:
        case directory::PasswordVerdict::no_such_account:
        case directory::PasswordVerdict::login_disabled: return {Admission::wrong, {}};
    }
    const auto account = directory.find_login(credentials.user);
    if (!account) return {Admission::wrong, {}};
    return {account->administrator ? Admission::welcome : Admission::forbidden, account->name.text()};
}

bool is_foreign_origin(std::string_view origin, std::string_view host) {
    if (origin.empty()) return false;
    const auto slashes = origin.find("://");
    return slashes == std::string_view::npos || !equal_ignoring_case(origin.substr(slashes + 3), host);
}

}  // namespace sims::admin
