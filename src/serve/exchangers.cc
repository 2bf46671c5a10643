#include "serve/exchangers.h"

#include <algorithm>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace sims::serve {

namespace {

using office::RelayResult;

MailRoute by_records(const std::string& domain, const net::MxAnswer& answer, const std::string& hostname,
                     std::uint32_t seed) {
    std::vector<Exchanger> exchangers;
    std::uint32_t own_preference = std::numeric_limits<std::uint32_t>::max();
    for (const net::MxRecord& record : answer.records) {
        if (record.host.empty()) continue;
        if (record.host == hostname)
            own_preference = std::min<std::uint32_t>(own_preference, record.preference);
        exchangers.push_back({record.host, record.preference});
    }
    if (exchangers.empty()) {
        // RFC 7505 3: said on purpose.
        return Unroutable{RelayResult::failed,
                          fmt::format("556 5.1.10 {} does not accept mail (null MX)", domain)};
    }
    std::erase_if(exchangers, [&](const Exchanger& e) { return e.preference >= own_preference; });
    if (exchangers.empty()) return loops_back(domain);
    std::shuffle(exchangers.begin(), exchangers.end(), std::mt19937(seed));
    std::stable_sort(exchangers.begin(), exchangers.end(),
                     [](const Exchanger& a, const Exchanger& b) { return a.preference < b.preference; });
    return exchangers;
}

}  // namespace

Unroutable loops_back(const std::string& domain) {
    return {RelayResult::failed, fmt::format("554 5.4.6 Mail for {} loops back to this server", domain)};
}

MailRoute exchangers_of(const std::string& domain, const net::MxAnswer& answer, const std::string& hostname,
                        std::uint32_t seed) {
    switch (answer.outcome) {
        case net::DnsOutcome::answer: return by_records(domain, answer, hostname, seed);
        case net::DnsOutcome::no_data:
            // The implicit MX: the domain itself.
            if (domain == hostname) return loops_back(domain);
            return std::vector<Exchanger>{{domain, 0}};
        case net::DnsOutcome::no_such_name:
            return Unroutable{RelayResult::failed,
                              fmt::format("550 5.1.2 The domain {} does not exist", domain)};
        case net::DnsOutcome::failed: break;
    }
    return Unroutable{RelayResult::deferred,
                      fmt::format("451 4.4.3 Looking up {}: {}", domain, answer.reason)};
}

}  // namespace sims::serve
