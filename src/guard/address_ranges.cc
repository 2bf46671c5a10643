#include "guard/address_ranges.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "mail/ip_text.h"

namespace sims::guard {
namespace {

constexpr unsigned bits = 128;
constexpr unsigned v4_bits = 32;

struct Bounds {
    IpAddress first, last;
};

Error bad(std::string_view item, std::string_view why) {
    return fail(Fault::invalid, "\"" + printable(item) + "\": " + std::string(why));
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned prefix_max) {
    unsigned prefix = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), prefix);
    if (error != std::errc() || end != text.data() + text.size() || text.size() > 3) return std::nullopt;
    if (prefix > prefix_max) return std::nullopt;
    return prefix;
}

Result<Bounds> parse_block(std::string_view item, std::size_t slash) {
    const auto base_text = trim(item.substr(0, slash));
    const auto base = IpAddress::parse(base_text);
    if (!base) return bad(item, "no IP address before the /");
    // By how it is written: ::ffff:0:0/96 is a block of IPv6 notation.
    const unsigned width = base_text.find(':') == std::string_view::npos ? v4_bits : bits;
    const auto prefix = parse_prefix(trim(item.substr(slash + 1)), width);
    if (!prefix) return bad(item, "the number behind the / is not 0 to " + std::to_string(width));
    Bounds bounds{*base, *base};
    for (unsigned bit = bits - width + *prefix; bit < bits; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
        bounds.first.bytes[bit / 8] &= static_cast<std::uint8_t>(~mask);
        bounds.last.bytes[bit / 8] |= mask;
    }
    return bounds;
}

Result<Bounds> parse_item(std::string_view item) {
    item = trim(item);
    if (const auto slash = item.find('/'); slash != std::string_view::npos) return parse_block(item, slash);
    const auto dash = item.find('-');
    const auto first = IpAddress::parse(trim(item.substr(0, dash)));
    if (!first) return bad(item, "not an IP address, range or block");
    if (dash == std::string_view::npos) return Bounds{*first, *first};
    const auto last = IpAddress::parse(trim(item.substr(dash + 1)));
    if (!last) return bad(item, "no IP address behind the -");
    if (first->is_v4() != last->is_v4()) return bad(item, "a range of IPv4 and IPv6 mixed");
    if (*last < *first) return bad(item, "the range ends before it begins");
    return Bounds{*first, *last};
}

// The address behind `address`; the last one of all is its own.
IpAddress next(IpAddress address) {
    for (auto byte = address.bytes.rbegin(); byte != address.bytes.rend(); ++byte) {
        if (++*byte != 0) return address;
    }
    address.bytes.fill(0xff);
    return address;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const auto bytes = mail::parse_ip(text);
    if (!bytes) return std::nullopt;
    return IpAddress{*bytes};
}

bool IpAddress::is_v4() const { return mail::is_ipv4(bytes); }

Result<AddressRanges> AddressRanges::parse(const std::vector<std::string>& items) {
    std::vector<Range> ranges;
    ranges.reserve(items.size());
    for (const auto& item : items) {
        const auto bounds = parse_item(item);
        if (!bounds) return bounds.error();
        ranges.push_back({bounds->first, bounds->last});
    }
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    AddressRanges result;
    for (const auto& range : ranges) {
        if (!result.ranges_.empty() && range.first <= next(result.ranges_.back().last)) {
            result.ranges_.back().last = std::max(result.ranges_.back().last, range.last);
        } else {
            result.ranges_.push_back(range);
        }
    }
    return result;
}

bool AddressRanges::contains(const IpAddress& address) const {
    const auto behind =
        std::upper_bound(ranges_.begin(), ranges_.end(), address,
                         [](const IpAddress& a, const Range& range) { return a < range.first; });
    return behind != ranges_.begin() && address <= std::prev(behind)->last;
}

bool AddressRanges::contains(std::string_view address) const {
    const auto ip = IpAddress::parse(address);
    return ip && contains(*ip);
}

}  // namespace sims::guard
