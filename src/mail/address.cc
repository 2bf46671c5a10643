#include "mail/address.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "mail/domain.h"
#include "mail/ip_text.h"
#include "mail/utf8.h"

namespace sims::mail {
namespace {

constexpr std::string_view ipv6_tag = "IPv6:";

constexpr bool is_high(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// atext of RFC 5321 4.1.2 and RFC 6531 3.3.
constexpr std::array<bool, 256> atext_table = [] {
    std::array<bool, 256> table{};
    for (int c = 0; c < 256; ++c) {
        table[static_cast<std::size_t>(c)] =
            c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }
    for (const char c : std::string_view("!#$%&'*+-/=?^_`{|}~")) table[static_cast<unsigned char>(c)] = true;
    return table;
}();

bool is_atext(char c) { return atext_table[static_cast<unsigned char>(c)]; }

// May stand between quotes, with a backslash or without.
bool is_quotable(char c) { return (c >= ' ' && c != 0x7f) || is_high(c); }

bool is_dot_string(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.') return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_atext(text[i]) && (text[i] != '.' || text[i - 1] == '.')) return false;
    }
    return true;
}

Error bad(std::string_view what) { return fail(Fault::invalid, std::string(what)); }

bool has_high(std::string_view text) { return std::any_of(text.begin(), text.end(), is_high); }

Result<void> check_utf8(std::string_view text, Utf8 utf8) {
    if (!has_high(text)) return {};
    if (utf8 == Utf8::refused) return bad("8-bit characters in an address need SMTPUTF8");
    if (!is_utf8(text)) return bad("the address is not valid UTF-8");
    return {};
}

bool is_ip_literal(std::string_view domain) {
    if (domain.size() < 3 || domain.back() != ']') return false;
    std::string_view ip = domain.substr(1, domain.size() - 2);
    if (!starts_with_ignoring_case(ip, ipv6_tag))
        return ip.find(':') == std::string_view::npos && parse_ip(ip);
    ip.remove_prefix(ipv6_tag.size());
    return ip.find(':') != std::string_view::npos && parse_ip(ip);
}

// Without the trailing dot.
Result<std::string_view> check_domain(std::string_view domain) {
    if (domain.size() > AddressLimits::domain_max) return bad("the domain is too long");
    if (!domain.empty() && domain.front() == '[') {
        if (!is_ip_literal(domain)) return bad("the address literal is not an IP address");
        return domain;
    }
    if (!domain.empty() && domain.back() == '.') domain.remove_suffix(1);
    // ascii_domain() would forgive a second dot.
    const bool dots = !domain.empty() && domain.back() == '.';
    const bool good = !dots && (has_high(domain) ? ascii_domain(domain).has_value() : is_host_name(domain));
    if (!good) return bad("the domain is not a host name");
    return domain;
}

// Takes a quoted string off the front of `text`; `local` receives what it means.
Result<void> take_quoted(std::string_view& text, std::string& local) {
    std::size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
        if (text[i] == '\\') ++i;
        if (i >= text.size()) break;
        if (!is_quotable(text[i])) return bad("control character in a quoted local part");
        local.push_back(text[i]);
    }
    if (i >= text.size()) return bad("the quoted local part does not end");
    text.remove_prefix(i + 1);
    return {};
}

Result<void> take_dot_string(std::string_view& text, std::string& local) {
    const auto end = std::min(text.find('@'), text.size());
    const auto found = text.substr(0, end);
    if (found.empty()) return bad("the local part is empty");
    if (!is_dot_string(found)) return bad("the local part has a character or dot where none may stand");
    local.assign(found);
    text.remove_prefix(end);
    return {};
}

}  // namespace

Result<Address> Address::parse(std::string_view text, Utf8 utf8) {
    if (text.empty()) return bad("the address is empty");
    if (text.size() > AddressLimits::path_max) return bad("the address is too long");
    if (auto valid = check_utf8(text, utf8); !valid) return valid.error();
    std::string local;
    const auto taken = text.front() == '"' ? take_quoted(text, local) : take_dot_string(text, local);
    if (!taken) return taken.error();
    if (local.size() > AddressLimits::local_max) return bad("the local part is too long");
    if (text.empty()) {
        if (local.empty()) return bad("the local part is empty");
        return Address(std::move(local), {});
    }
    if (text.front() != '@') return bad("no @ behind the quoted local part");
    text.remove_prefix(1);
    const auto domain = check_domain(text);
    if (!domain) return domain.error();
    return Address(std::move(local), std::string(*domain));
}

Result<Address> Address::make(std::string_view local, std::string_view domain, Utf8 utf8) {
    if (local.size() > AddressLimits::local_max) return bad("the local part is too long");
    if (local.empty() && domain.empty()) return bad("the address is empty");
    if (!std::all_of(local.begin(), local.end(), is_quotable))
        return bad("control character in the local part");
    if (auto valid = check_utf8(local, utf8); !valid) return valid.error();
    if (auto valid = check_utf8(domain, utf8); !valid) return valid.error();
    if (domain.empty()) return Address(std::string(local), {});
    const auto checked = check_domain(domain);
    if (!checked) return checked.error();
    return Address(std::string(local), std::string(*checked));
}

bool Address::is_ascii() const { return !has_high(local_) && !has_high(domain_); }

std::string Address::text() const {
    std::string text;
    text.reserve(local_.size() + domain_.size() + 3);
    if (is_dot_string(local_)) {
        text += local_;
    } else {
        text += '"';
        for (const char c : local_) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += '"';
    }
    if (!domain_.empty()) {
        text += '@';
        text += domain_;
    }
    return text;
}

bool operator==(const Address& a, const Address& b) {
    if (!equal_ignoring_case(a.local_, b.local_)) return false;
    if (equal_ignoring_case(a.domain_, b.domain_)) return true;
    if (a.is_literal() && b.is_literal()) {
        const auto ip = [](const std::string& domain) {
            const auto start =
                domain.find("v6:") == std::string::npos && domain.find("V6:") == std::string::npos
                    ? 1
                    : 1 + ipv6_tag.size();
            return parse_ip(std::string_view(domain).substr(start, domain.size() - start - 1));
        };
        return ip(a.domain_) == ip(b.domain_);
    }
    if (!has_high(a.domain_) && !has_high(b.domain_)) return false;
    return ascii_domain(a.domain_) == ascii_domain(b.domain_);
}

}  // namespace sims::mail
