// The right side of a Router record: where what matched goes (sims-reference 23.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sims::route {

enum class TargetKind {
    discard,   // NULL, blackhole
    refuse,    // ERROR, ERROR:text; `local` is the text
    spamtrap,  // spamtrap
    unified,   // <local>Account, Account.local; `local` is the account
    domain,    // another domain part for the address; `domain`
    next_hop,  // host.smtp, host:port.smtp: the address stays, `domain` is the host
    local,     // another local name; `local`
    address,   // another address; `local` and `domain`
    via,       // local@host.smtp: another address and the host it is given to
};

struct Target {
    TargetKind kind = TargetKind::refuse;
    std::string local;
    std::string domain;
    std::uint16_t port = 0;  // next_hop and via; 0: by MX
};

// What stands on the left decides what a bare name on the right is.
enum class LeftSide { domain, name };

struct TargetLimits {
    static constexpr std::size_t targets_max = 1000;
};

// Errors: the reason, for "line 7: ...".
Result<std::vector<Target>> parse_targets(std::string_view right, LeftSide left);

// A domain pattern: the routing form, with at most one '*'. Errors as above.
Result<std::string> parse_domain_pattern(std::string_view text);

}  // namespace sims::route
