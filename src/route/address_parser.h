// The parts of an address as the Router sees them: the domain the message goes to next, and the rest
// (sims-reference 3). Takes percent, bang and source routes apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mail/address.h"

namespace sims::route {

struct Parts {
    std::string local;
    std::string domain;
};

// Takes the domain out of a local part that has no domain of its own any more: "a!b!c" -> "b!c" at "a"; else
// "a%b%c" -> "a%b" at "c". '!' binds before '%'. Nothing when there is none, when what would be the domain
// can't be one ("100%"), or when the local part holds an '@': that stood in quotes and is a name, no route.
std::optional<Parts> unfold(std::string_view local);

// Whether a local part asks some host to send on: '%', '!' or '@' in it.
bool has_route(std::string_view local);

// An address with or without angle brackets, and with or without a source route (RFC 5321 appendix C):
// "@a,@b:x@y" is the address "x%y%b@a". SMTP strips source routes and does not come here; for what people
// type.
Result<mail::Address> parse_address(std::string_view text);

// A domain as the Router compares it: lower-case A-labels; an address literal or a bare IPv4 address as
// "[192.0.2.1]", "[2001:db8::1]". Nothing when it is neither.
std::optional<std::string> routing_domain(std::string_view domain);
// The address in a routing domain, or nothing.
std::optional<std::string_view> literal_of(std::string_view routing_domain);

}  // namespace sims::route
