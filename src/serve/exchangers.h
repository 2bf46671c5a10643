// Where the mail of a domain goes, from what the DNS says (RFC 5321 5.1, RFC 7505). Pure: the answer and the
// dice are arguments.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "net/resolver.h"
#include "office/post_office.h"

namespace sims::serve {

struct Exchanger {
    std::string host;
    std::uint32_t preference = 0;
};

// Nobody to ask: the verdict for every recipient, in the form of an SMTP reply.
struct Unroutable {
    office::RelayResult result = office::RelayResult::deferred;
    std::string reply;
};

using MailRoute = std::variant<std::vector<Exchanger>, Unroutable>;  // at least one, in the order to be tried

// `domain` and `hostname` (our own) are lower-case A-labels. Equal preferences are shuffled by `seed`. From
// our own preference on nobody is asked: mail would come back to us (RFC 5321 5.1).
MailRoute exchangers_of(const std::string& domain, const net::MxAnswer& answer, const std::string& hostname,
                        std::uint32_t seed);

// What to say when we are the only one left.
Unroutable loops_back(const std::string& domain);

}  // namespace sims::serve
