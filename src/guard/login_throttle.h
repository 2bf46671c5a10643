// Slows down whoever tries passwords: each guest (an address, say) has a leaky bucket of failed logins. A few
// cost nothing, then each answer waits longer, then nobody is listened to until the bucket has leaked. One
// who polls with an outdated password every minute never fills it. Time is an argument; thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"

namespace sims::guard {

struct LoginThrottleLimits {
    std::size_t free_failures = 5;      // typing errors; each further one waits for a second more
    std::size_t failures_max = 20;      // in the bucket; then no login is looked at
    std::chrono::seconds leaks_in{30};  // one failure
    std::size_t guests_max = 10'000;    // remembered; then the one whose last failure is oldest is forgotten
};

class LoginThrottle {
public:
    explicit LoginThrottle(LoginThrottleLimits limits = {}) : limits_(limits) {}

    // Whether no login of this guest should be looked at, be it right or wrong.
    bool refuses(std::string_view guest, TimePoint now) const;
    // Counts a failed login. The pause its answer should be made to wait for, beyond the usual one.
    std::chrono::seconds failed(std::string_view guest, TimePoint now);
    std::size_t guests() const;

private:
    struct Bucket {
        std::string guest;
        std::size_t failures = 0;
        TimePoint leaked_until{};  // what leaks later has not been taken off yet
    };
    void leak(Bucket& bucket, TimePoint now) const;

    const LoginThrottleLimits limits_;
    mutable std::mutex mutex_;
    std::list<Bucket> buckets_;                                                   // the latest failure first
    std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_guest_;  // keys live in the buckets
};

// What failures are counted by: the address; of IPv6 the /64, which one guest has whole. On loopback, where a
// web mail speaks for many people, the address and the name together. `login` as it was typed: nothing here
// tells whether there is such an account.
std::string guest_of(std::string_view address, std::string_view login);

}  // namespace sims::guard
