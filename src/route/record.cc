#include "route/record.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "mail/address.h"

namespace sims::route {
namespace {

constexpr std::array<std::pair<std::string_view, RelayRule>, 2> prefixes{
    {{"Relay:", RelayRule::allow}, {"NoRelay:", RelayRule::deny}}};

Error bad(std::string_view why) { return fail(Fault::invalid, std::string(why)); }

// The inside of <...>.
Result<Pattern> parse_name_pattern(std::string_view text) {
    if (std::count(text.begin(), text.end(), '*') > 1) return bad("more than one * on the left side");
    const auto at = text.rfind('@');
    const auto local = text.substr(0, at);
    std::string sample(local);
    std::replace(sample.begin(), sample.end(), '*', 'x');
    if (local.empty() || local.find_first_of("@<> \t\"") != std::string_view::npos ||
        !mail::Address::make(sample, "")) {
        return bad("the name in <> is not a local name");
    }
    Pattern pattern{PatternKind::local, lower(local), local.find('*') != std::string_view::npos, false};
    if (at == std::string_view::npos) return pattern;
    auto domain = parse_domain_pattern(text.substr(at + 1));
    if (!domain) return domain.error();
    pattern.kind = PatternKind::address;
    pattern.star_in_domain = domain->find('*') != std::string::npos;
    pattern.has_star = pattern.has_star || pattern.star_in_domain;
    pattern.text += '@' + *domain;
    return pattern;
}

Result<Pattern> parse_left(std::string_view text) {
    if (text.empty()) return bad("nothing on the left side");
    if (text.front() == '<') {
        if (text.back() != '>') return bad("< without > on the left side");
        return parse_name_pattern(trim(text.substr(1, text.size() - 2)));
    }
    if (text.find('@') != std::string_view::npos) return bad("an address on the left side stands in <>");
    auto domain = parse_domain_pattern(text);
    if (!domain) return domain.error();
    const bool star = domain->find('*') != std::string::npos;
    return Pattern{PatternKind::domain, std::move(*domain), star, star};
}

// A name in <> may hold a '='.
std::size_t find_equals(std::string_view line) {
    const auto open = line.find_first_not_of(" \t");
    std::size_t from = 0;
    if (open != std::string_view::npos && line[open] == '<') {
        if (const auto close = line.find('>'); close != std::string_view::npos) from = close;
    }
    return line.find('=', from);
}

std::size_t stars(const Target& target) {
    if (target.kind == TargetKind::refuse) return 0;  // what a refusal says is text
    return static_cast<std::size_t>(std::count(target.local.begin(), target.local.end(), '*') +
                                    std::count(target.domain.begin(), target.domain.end(), '*'));
}

}  // namespace

Result<std::optional<Record>> parse_record(std::string_view line) {
    line = trim(line.substr(0, line.find(';')));
    if (line.empty()) return std::optional<Record>();
    Record record;
    for (const auto& [prefix, rule] : prefixes) {
        if (!starts_with_ignoring_case(line, prefix)) continue;
        record.relay = rule;
        line = trim(line.substr(prefix.size()));
        break;
    }
    const auto equals = find_equals(line);
    if (equals == std::string_view::npos) return bad("no = in the line");
    auto pattern = parse_left(trim(line.substr(0, equals)));
    if (!pattern) return pattern.error();
    record.pattern = std::move(*pattern);
    const auto left = record.pattern.kind == PatternKind::domain ? LeftSide::domain : LeftSide::name;
    auto targets = parse_targets(line.substr(equals + 1), left);
    if (!targets) return targets.error();
    record.targets = std::move(*targets);
    for (const auto& target : record.targets) {
        if (stars(target) > 1) return bad("more than one * in an address on the right side");
        if (stars(target) > 0 && !record.pattern.has_star)
            return bad("a * on the right side, and none on the left");
    }
    return std::optional<Record>(std::move(record));
}

}  // namespace sims::route
