// Lists of network addresses: single ones, ranges "a-b", CIDR; IPv4 and IPv6; leading zeros in octets are
// decimal (sims-reference 9, 23.3).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sims::guard {

// An IPv4 (as ::ffff:a.b.c.d) or IPv6 address, comparable.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    static std::optional<IpAddress> parse(std::string_view text);
    bool is_v4() const;
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

class AddressRanges {
public:
    // Each item one address, range or CIDR block. Error names the item.
    static Result<AddressRanges> parse(const std::vector<std::string>& items);
    bool contains(const IpAddress& address) const;  // binary search
    bool contains(std::string_view address) const;  // false for what is no address
    bool empty() const { return ranges_.empty(); }

private:
    struct Range {
        IpAddress first, last;
    };
    std::vector<Range> ranges_;  // sorted, merged
};

}  // namespace sims::guard
