// One line of the Router table (sims-reference 23.1).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "route/target.h"

namespace sims::route {

// What an address is compared with; in lower case, with at most one '*'.
enum class PatternKind {
    domain,   // client.com, *.client.com
    local,    // <sales>: a name of the main domain
    address,  // <sales@client.com>
};

struct Pattern {
    PatternKind kind = PatternKind::domain;
    std::string text;  // "client.com", "sales", "sales@client.com"
    bool has_star = false;
    bool star_in_domain = false;  // it does not name the domain it is about
};

// What a record says about strangers whose mail it would send to another host.
enum class RelayRule { unsaid, allow, deny };

struct Record {
    std::uint32_t line = 0;  // 1-based
    Pattern pattern;
    RelayRule relay = RelayRule::unsaid;
    std::vector<Target> targets;  // never empty
};

// Nothing for a line that is empty or a comment. Errors: the reason, without the line's number.
Result<std::optional<Record>> parse_record(std::string_view line);

}  // namespace sims::route
