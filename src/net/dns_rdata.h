// The data of DNS records, read (RFC 1035 3.3). Pure and total. Names in it are uncompressed, as libunbound
// hands them over.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/resolver.h"

namespace sims::net {

inline constexpr std::size_t dns_name_octets_max = 253;  // as text, without the last dot
inline constexpr std::size_t dns_label_octets_max = 63;

// Whether a name can be asked for at all: printable labels of 1 to 63 octets; a dot at the end is allowed.
bool is_dns_name(std::string_view name);

// All of `rdata` must be read, or it is nothing. A host is lower case without a dot at the end.
std::optional<MxRecord> decode_mx(std::string_view rdata);
// A (4 octets) or AAAA (16).
std::optional<std::string> decode_address(std::string_view rdata);
// TXT: its strings joined (RFC 7208 3.3).
std::optional<std::string> decode_text(std::string_view rdata);

}  // namespace sims::net
