// Network addresses as text, read and written in one way only, so that two spellings of one address are one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sims::mail {

// IPv6, or IPv4 as ::ffff:a.b.c.d.
using IpBytes = std::array<std::uint8_t, 16>;

// "192.0.2.1" (octets are decimal, leading zeros allowed, three digits at most), "2001:db8::1". No brackets,
// no zone.
std::optional<IpBytes> parse_ip(std::string_view text);
bool is_ipv4(const IpBytes& address);
// "192.0.2.1" for what is_ipv4(), else RFC 5952.
std::string ip_text(const IpBytes& address);

}  // namespace sims::mail
