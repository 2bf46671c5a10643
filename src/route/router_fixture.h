// A small world for the Router's tests: which local names exist, and an answer as one line of text.
#pragma once

#include <map>
#include <set>
#include <string>

#include "base/text.h"
#include "route/router.h"

namespace sims::route {

// Main domain example.org, further domain second.example, own address 192.0.2.1.
class World final : public LocalNames {
public:
    std::set<std::string> domains{"example.org", "second.example"};
    // By "name@domain" in lower case, without '@' in the main domain.
    std::map<std::string, std::string> accounts{
        {"postmaster", "Postmaster"},  {"joe", "Joe"},       {"ann.lee", "ann.lee"},
        {"l-team", "L-team"},          {"client", "Client"}, {"tagged+name", "tagged+name"},
        {"ann@second.example", "Ann"}, {"50", "50"},         {"l-club@second.example", "L-club"}};

    bool is_own_domain(std::string_view domain) const override { return domains.count(lower(domain)) > 0; }
    bool is_main_domain(std::string_view domain) const override { return lower(domain) == "example.org"; }
    bool is_own_address_literal(std::string_view ip) const override {
        return ip == "192.0.2.1" || ip == "2001:db8::1";
    }
    std::optional<std::string> account(std::string_view name, std::string_view domain) const override {
        const auto found = accounts.find(lower(name) + (domain.empty() ? "" : "@" + std::string(domain)));
        if (found == accounts.end()) return std::nullopt;
        return found->second;
    }
};

// "account Joe", "smtp host:25 <a@b> relay", "refuse 5.1.1", several joined by " + ".
inline std::string told(const Route& route) {
    std::string text;
    for (const auto& r : route.results) {
        if (!text.empty()) text += " + ";
        text += name_of(r.kind);
        switch (r.kind) {
            case ResultKind::account:
            case ResultKind::mirror:
                text += ' ' + r.account + (r.domain.empty() ? "" : "@" + r.domain) +
                        (r.unified ? " unified" : "");
                break;
            case ResultKind::smtp:
                text += ' ' + r.host + (r.port == 0 ? "" : ":" + std::to_string(r.port)) + " <" +
                        r.recipient->text() + ">";
                break;
            case ResultKind::refuse: text += ' ' + r.text.substr(0, 5); break;
            case ResultKind::discard:
            case ResultKind::spamtrap: break;
        }
    }
    return text + (route.relay ? " relay" : "");
}

}  // namespace sims::route
