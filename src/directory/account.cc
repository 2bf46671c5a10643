#include <algorithm>
#include <arpa/inet.h>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "base/text.h"
#include "directory/account_rules.h"
#include "directory/values.h"

namespace sims::directory {

namespace {

constexpr std::size_t name_max = 64;
constexpr std::size_t password_max = 256;
constexpr std::size_t full_name_max = 256;
constexpr std::int64_t size_limit_kbytes_max = 1LL << 40;

bool is_name_byte(char c) { return is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_'; }

Result<> set_boolean(std::optional<bool>& field, std::string_view key, std::string_view value) {
    field = parse_boolean(value);
    if (!field)
        return fail(Fault::invalid,
                    fmt::format("{}: \"{}\" is not true or false", key, printable(value, 64)));
    return {};
}

Result<> set_size_limit(AccountChange& change, std::string_view key, std::string_view value) {
    const auto number = parse_number(value);
    if (!number || *number < -1 || *number > size_limit_kbytes_max) {
        return fail(Fault::invalid, fmt::format("{}: \"{}\" is not a number of KBytes (0 or -1: no limit)",
                                                key, printable(value, 64)));
    }
    change.size_limit_kbytes = std::max<std::int64_t>(*number, 0);
    return {};
}

Result<> set_notify_mode(AccountChange& change, std::string_view key, std::string_view value) {
    if (equal_ignoring_case(value, "Notify IP")) {
        change.notify_mode = NotifyMode::last_address;
    } else if (equal_ignoring_case(value, "Notify")) {
        change.notify_mode = NotifyMode::fixed;
    } else if (value.empty() || equal_ignoring_case(value, "None")) {
        change.notify_mode = NotifyMode::none;
    } else {
        return fail(Fault::invalid,
                    fmt::format("{}: \"{}\" is not None, Notify or Notify IP", key, printable(value, 64)));
    }
    return {};
}

bool is_notify_address(const std::string& text) {
    in6_addr scratch{};
    return text.empty() || inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
           inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

Result<> set_notify_address(AccountChange& change, std::string_view key, std::string_view value) {
    const std::string text(value);
    if (!is_notify_address(text)) {
        return fail(Fault::invalid,
                    fmt::format("{}: \"{}\" is not a network address", key, printable(value, 64)));
    }
    change.notify_address = text;
    return {};
}

bool is_full_name(std::string_view name) {
    return name.size() <= full_name_max && !has_control(name) && is_utf8(name);
}

Result<> set_full_name(AccountChange& change, std::string_view key, std::string_view value) {
    if (!is_full_name(value)) {
        return fail(Fault::invalid, fmt::format("{}: a full name is one line of UTF-8 of at most {} bytes",
                                                key, full_name_max));
    }
    change.full_name = std::string(value);
    return {};
}

}  // namespace

std::string AccountName::text() const { return domain.empty() ? name : name + "@" + domain; }

std::string Account::mailbox() const {
    return name.domain.empty() ? "Accounts/" + name.name
                               : "Domains/" + name.domain + "/Accounts/" + name.name;
}

Result<> check_account_name(std::string_view name) {
    constexpr std::string_view lock_suffix = ".lock";
    if (name.empty()) return fail(Fault::invalid, "an account needs a name");
    if (name.size() > name_max) {
        return fail(Fault::invalid, fmt::format("an account name has at most {} characters", name_max));
    }
    if (!std::all_of(name.begin(), name.end(), is_name_byte)) {
        return fail(Fault::invalid,
                    fmt::format("\"{}\": an account name is made of letters, digits, '.', '-' and '_'",
                                printable(name, name_max)));
    }
    if (name.front() == '.' || name.back() == '.') {
        return fail(Fault::invalid,
                    fmt::format("\"{}\": an account name does not begin or end with a dot", name));
    }
    if (name.size() >= lock_suffix.size() &&
        equal_ignoring_case(name.substr(name.size() - lock_suffix.size()), lock_suffix)) {
        return fail(Fault::invalid,
                    fmt::format("\"{}\": an account name does not end in .lock, which would be the lock "
                                "of another mailbox",
                                name));
    }
    return {};
}

Result<> apply_attribute(AccountChange& change, std::string_view key, std::string_view value) {
    const auto is = [&](std::string_view name) { return equal_ignoring_case(key, name); };
    if (is("FullName") || is("RealName")) return set_full_name(change, key, value);
    if (is("AccountEnabled")) return set_boolean(change.enabled, key, value);
    if (is("LoginEnabled")) return set_boolean(change.login_enabled, key, value);
    if (is("APOPrequired")) return set_boolean(change.apop_required, key, value);
    if (is("Administrator")) return set_boolean(change.administrator, key, value);
    if (is("SizeLimit")) return set_size_limit(change, key, value);
    if (is("NotifyMode") || is("ForwardMode")) return set_notify_mode(change, key, value);
    if (is("NotifyAddress") || is("ForwardAddress")) return set_notify_address(change, key, value);
    return fail(Fault::not_found, fmt::format("\"{}\" is not an account setting", printable(key, 64)));
}

Result<> check_change(const AccountChange& change) {
    if (change.full_name && !is_full_name(*change.full_name)) {
        return fail(Fault::invalid,
                    fmt::format("a full name is one line of UTF-8 of at most {} bytes", full_name_max));
    }
    if (change.size_limit_kbytes &&
        (*change.size_limit_kbytes < 0 || *change.size_limit_kbytes > size_limit_kbytes_max)) {
        return fail(Fault::invalid, fmt::format("a size limit is 0 to {} KBytes", size_limit_kbytes_max));
    }
    if (change.notify_address && !is_notify_address(*change.notify_address)) {
        return fail(Fault::invalid,
                    fmt::format("\"{}\" is not a network address", printable(*change.notify_address, 64)));
    }
    return {};
}

Result<> check_password(std::string_view password) {
    if (password.empty()) return fail(Fault::invalid, "a password is not empty");
    if (password.size() > password_max) {
        return fail(Fault::invalid, fmt::format("a password has at most {} bytes", password_max));
    }
    if (has_control(password)) return fail(Fault::invalid, "a password has no control characters");
    return {};
}

std::string make_password() {
    constexpr std::string_view alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    constexpr std::size_t length = 16;
    // The part of a byte's range that divides evenly, so that no character is likelier than another.
    constexpr std::size_t fair = 256 / alphabet.size() * alphabet.size();
    std::string password;
    while (password.size() < length) {
        unsigned char byte = 0;
        check(RAND_bytes(&byte, 1) == 1, "the system has no random bytes");
        if (byte < fair) password.push_back(alphabet[byte % alphabet.size()]);
    }
    return password;
}

}  // namespace sims::directory
