#include "route/address_parser.h"

#include <vector>

#include "base/text.h"
#include "mail/ip_text.h"

namespace sims::route {
namespace {

constexpr std::size_t hops_max = 32;

Error bad(std::string_view why) { return fail(Fault::invalid, std::string(why)); }

std::optional<Parts> parts_at(std::string_view local, std::string_view domain) {
    if (local.empty() || domain.empty() || !routing_domain(domain)) return std::nullopt;
    if (!mail::Address::make(local, domain)) return std::nullopt;
    return Parts{std::string(local), std::string(domain)};
}

}  // namespace

std::optional<Parts> unfold(std::string_view local) {
    if (local.find('@') != std::string_view::npos) return std::nullopt;
    if (const auto bang = local.find('!'); bang != std::string_view::npos) {
        return parts_at(local.substr(bang + 1), local.substr(0, bang));
    }
    if (const auto percent = local.rfind('%'); percent != std::string_view::npos) {
        return parts_at(local.substr(0, percent), local.substr(percent + 1));
    }
    return std::nullopt;
}

bool has_route(std::string_view local) { return local.find_first_of("%!@") != std::string_view::npos; }

Result<mail::Address> parse_address(std::string_view text) {
    text = trim(text);
    if (text.size() > mail::AddressLimits::path_max) return bad("the address is too long");
    if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
    std::vector<std::string_view> hops;
    while (!text.empty() && text.front() == '@') {
        const auto end = text.find_first_of(",:");
        if (end == std::string_view::npos) return bad("the source route does not end in a colon");
        if (hops.size() == hops_max) return bad("the source route is too long");
        hops.push_back(trim(text.substr(1, end - 1)));
        const bool last = text[end] == ':';
        text = trim(text.substr(end + 1));
        if (last) break;
        if (text.empty() || text.front() != '@') return bad("the source route is broken");
    }
    auto address = mail::Address::parse(text);
    if (!address || hops.empty()) return address;
    if (address->domain().empty()) return bad("the address behind the source route has no domain");
    // A name in quotes could hold what the percent form cannot tell from a route.
    if (has_route(address->local())) return bad("a source route and another route in one address");
    std::string local = address->local() + '%' + address->domain();
    for (std::size_t i = hops.size() - 1; i > 0; --i) local += '%' + std::string(hops[i]);
    for (const auto hop : hops) {
        if (!routing_domain(hop)) return bad("a host in the source route is not a host name");
    }
    return mail::Address::make(local, hops.front());
}

std::optional<std::string> routing_domain(std::string_view domain) {
    std::string_view ip = domain;
    const bool literal = domain.size() > 2 && domain.front() == '[' && domain.back() == ']';
    if (literal) {
        ip = domain.substr(1, domain.size() - 2);
        constexpr std::string_view tag = "IPv6:";
        if (starts_with_ignoring_case(ip, tag)) ip.remove_prefix(tag.size());
    }
    // Only what ends in a digit can be a bare IPv4 address.
    if (literal || (!domain.empty() && (is_digit(domain.back()) || domain.back() == '.'))) {
        if (!literal && ip.back() == '.') ip.remove_suffix(1);
        if (const auto bytes = mail::parse_ip(ip)) return "[" + mail::ip_text(*bytes) + "]";
        if (literal) return std::nullopt;
    }
    return mail::ascii_domain(domain);
}

std::optional<std::string_view> literal_of(std::string_view routing_domain) {
    if (routing_domain.size() < 2 || routing_domain.front() != '[') return std::nullopt;
    return routing_domain.substr(1, routing_domain.size() - 2);
}

}  // namespace sims::route
