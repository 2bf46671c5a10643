#include "route/target.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "mail/address.h"
#include "route/address_parser.h"

namespace sims::route {
namespace {

constexpr std::string_view smtp_suffix = ".smtp";
constexpr std::string_view local_suffix = ".local";
constexpr std::string_view local_prefix = "<local>";
constexpr std::string_view error_prefix = "ERROR:";

Error bad(std::string_view what, std::string_view text) {
    return fail(Fault::invalid, std::string(what) + ": \"" + printable(text) + "\"");
}

bool ends_with_ignoring_case(std::string_view text, std::string_view suffix) {
    return text.size() > suffix.size() &&
           equal_ignoring_case(text.substr(text.size() - suffix.size()), suffix);
}

// Whatever '*' will stand for, the rest must be good: judged with a letter in its place.
std::string with_letter(std::string_view text) {
    std::string sample(text);
    std::replace(sample.begin(), sample.end(), '*', 'x');
    return sample;
}

Result<std::string> parse_local(std::string_view text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        const auto quoted = mail::Address::parse(text);
        if (!quoted) return bad("not a local name", text);
        return quoted->local();
    }
    if (text.empty() || text.find_first_of(" \t<>()\"\\,;@") != std::string_view::npos ||
        !mail::Address::make(with_letter(text), "")) {
        return bad("not a local name", text);
    }
    return std::string(text);
}

struct Hop {
    std::string host;
    std::uint16_t port = 0;
};

// `text` is without its ".smtp".
Result<Hop> parse_hop(std::string_view text) {
    Hop hop;
    const auto bracket = text.rfind(']');
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        const auto digits = text.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hop.port);
        if (error != std::errc() || end != digits.data() + digits.size() || hop.port == 0) {
            return bad("not a port", digits);
        }
        text = text.substr(0, colon);
    }
    auto host = parse_domain_pattern(text);
    if (!host) return host.error();
    hop.host = std::move(*host);
    return hop;
}

Result<Target> parse_address_target(std::string_view text, std::size_t at) {
    auto local = parse_local(text.substr(0, at));
    if (!local) return local.error();
    const auto domain = text.substr(at + 1);
    if (ends_with_ignoring_case(domain, smtp_suffix)) {
        auto hop = parse_hop(domain.substr(0, domain.size() - smtp_suffix.size()));
        if (!hop) return hop.error();
        return Target{TargetKind::via, std::move(*local), std::move(hop->host), hop->port};
    }
    auto name = parse_domain_pattern(domain);
    if (!name) return name.error();
    // Kept as written: it becomes an envelope address.
    return Target{TargetKind::address, std::move(*local), std::string(domain), 0};
}

std::optional<Target> parse_word(std::string_view text) {
    if (equal_ignoring_case(text, "NULL") || equal_ignoring_case(text, "blackhole")) {
        return Target{TargetKind::discard, {}, {}, 0};
    }
    if (equal_ignoring_case(text, "spamtrap")) return Target{TargetKind::spamtrap, {}, {}, 0};
    if (equal_ignoring_case(text, "ERROR")) {
        return Target{TargetKind::refuse, "This address takes no mail", {}, 0};
    }
    return std::nullopt;
}

Result<Target> parse_unified(std::string_view name) {
    auto account = parse_local(name);
    if (!account) return account.error();
    return Target{TargetKind::unified, std::move(*account), {}, 0};
}

Result<Target> parse_target(std::string_view text, LeftSide left) {
    text = trim(text);
    if (text.empty()) return fail(Fault::invalid, "nothing where an address should be");
    if (auto word = parse_word(text)) return *word;
    if (starts_with_ignoring_case(text, local_prefix))
        return parse_unified(trim(text.substr(local_prefix.size())));
    if (text.size() > 2 && text.front() == '<' && text.back() == '>') text = text.substr(1, text.size() - 2);
    if (const auto at = text.rfind('@'); at != std::string_view::npos) return parse_address_target(text, at);
    if (ends_with_ignoring_case(text, smtp_suffix)) {
        auto hop = parse_hop(text.substr(0, text.size() - smtp_suffix.size()));
        if (!hop) return hop.error();
        return Target{TargetKind::next_hop, {}, std::move(hop->host), hop->port};
    }
    if (ends_with_ignoring_case(text, local_suffix)) {
        return parse_unified(text.substr(0, text.size() - local_suffix.size()));
    }
    if (left == LeftSide::domain) {
        auto domain = parse_domain_pattern(text);
        if (!domain) return domain.error();
        return Target{TargetKind::domain, {}, std::string(text), 0};
    }
    auto local = parse_local(text);
    if (!local) return local.error();
    return Target{TargetKind::local, std::move(*local), {}, 0};
}

}  // namespace

Result<std::string> parse_domain_pattern(std::string_view text) {
    const auto stars = std::count(text.begin(), text.end(), '*');
    if (stars > 1) return bad("more than one * in a domain", text);
    if (stars == 0) {
        auto domain = routing_domain(text);
        if (!domain) return bad("not a domain", text);
        return std::move(*domain);
    }
    const bool literal = text.front() == '[' && text.back() == ']';
    const auto name = literal ? text.substr(1, text.size() - 2) : text;
    const bool good = std::all_of(name.begin(), name.end(), [literal](char c) {
        return is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_' || c == '*' ||
               (literal && c == ':');
    });
    if (good && (literal || mail::ascii_domain(with_letter(name)))) return lower(text);
    // "*.bücher.example": the part behind the star is turned into A-labels.
    if (text.substr(0, 2) == "*.") {
        if (const auto rest = mail::ascii_domain(text.substr(2))) return "*." + *rest;
    }
    return bad("not a domain", text);
}

Result<std::vector<Target>> parse_targets(std::string_view right, LeftSide left) {
    std::vector<Target> targets;
    right = trim(right);
    if (starts_with_ignoring_case(right, error_prefix)) {
        // The rest of the line is its text, commas and all.
        const auto text = trim(right.substr(error_prefix.size()));
        targets.push_back({TargetKind::refuse, printable(text), {}, 0});
        return targets;
    }
    for (const auto piece : split(right, ',')) {
        if (targets.size() == TargetLimits::targets_max)
            return fail(Fault::limit, "too many addresses in one record");
        auto target = parse_target(piece, left);
        if (!target) return target.error();
        targets.push_back(std::move(*target));
    }
    return targets;
}

}  // namespace sims::route
