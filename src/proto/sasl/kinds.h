// The mechanisms behind Exchange. Private to this module.
#pragma once

#include "proto/sasl/exchange.h"

namespace sims::sasl {

class Exchange::Kind {
public:
    virtual ~Kind() = default;
    virtual Step begin(std::optional<std::string_view> initial) = 0;
    virtual Step on(std::string_view response) = 0;
};

std::unique_ptr<Exchange::Kind> make_plain();
std::unique_ptr<Exchange::Kind> make_login();
std::unique_ptr<Exchange::Kind> make_bearer();
std::unique_ptr<Exchange::Kind> make_gnu(Mechanism mechanism, const Channel& channel, const Secrets& secrets,
                                         std::string host);

// A login name as it may come from outside: not empty, bounded, no control characters.
bool is_login(std::string_view text);

}  // namespace sims::sasl
