// The target of an HTTP request: "/api/v1/accounts/joe?x=1" as words. Pure and total.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sims::admin {

struct TargetLimits {
    static constexpr std::size_t bytes_max = 8192;
    static constexpr std::size_t segments_max = 16;
    static constexpr std::size_t parameters_max = 32;
};

struct Target {
    std::vector<std::string> path;  // between the slashes, decoded; "/" has none
    std::vector<std::pair<std::string, std::string>> query;
    // Of the first with the name; nothing when there is none.
    const std::string* parameter(std::string_view name) const;
};

// Nothing for what has no leading slash, a broken %XX, control characters, or is beyond the limits.
std::optional<Target> parse_target(std::string_view text);
// As a path segment or a query value: everything but unreserved characters (RFC 3986 2.3) as %XX.
std::string percent_encode(std::string_view text);

}  // namespace sims::admin
