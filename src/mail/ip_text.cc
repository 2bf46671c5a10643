#include "mail/ip_text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>

#include "base/text.h"

namespace sims::mail {
namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<IpBytes> parse_ipv4(std::string_view text) {
    IpBytes bytes{};
    std::copy(v4_prefix.begin(), v4_prefix.end(), bytes.begin());
    for (std::size_t octet = 0; octet < 4; ++octet) {
        if (octet > 0) {
            if (text.empty() || text.front() != '.') return std::nullopt;
            text.remove_prefix(1);
        }
        unsigned value = 0;
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits])) {
            if (digits == 3) return std::nullopt;
            value = value * 10 + static_cast<unsigned>(text[digits] - '0');
            ++digits;
        }
        if (digits == 0 || value > 255) return std::nullopt;
        bytes[12 + octet] = static_cast<std::uint8_t>(value);
        text.remove_prefix(digits);
    }
    if (!text.empty()) return std::nullopt;
    return bytes;
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
    if (text.find(':') == std::string_view::npos) return parse_ipv4(text);
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
    std::copy(text.begin(), text.end(), copy.begin());
    IpBytes bytes{};
    if (inet_pton(AF_INET6, copy.data(), bytes.data()) != 1) return std::nullopt;
    return bytes;
}

bool is_ipv4(const IpBytes& address) {
    return std::equal(v4_prefix.begin(), v4_prefix.end(), address.begin());
}

std::string ip_text(const IpBytes& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = is_ipv4(address);
    inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? v4_prefix.size() : 0), text.data(),
              text.size());
    return text.data();
}

}  // namespace sims::mail
