#include "guard/login_throttle.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "guard/address_ranges.h"

namespace sims::guard {

// A clock that was set back leaks nothing until it is where it was.
void LoginThrottle::leak(Bucket& bucket, TimePoint now) const {
    if (now <= bucket.leaked_until) return;
    const auto drops = static_cast<std::size_t>((now - bucket.leaked_until) / limits_.leaks_in);
    if (drops >= bucket.failures) {
        bucket.failures = 0;
        bucket.leaked_until = now;
        return;
    }
    bucket.failures -= drops;
    bucket.leaked_until += static_cast<std::int64_t>(drops) * limits_.leaks_in;
}

bool LoginThrottle::refuses(std::string_view guest, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_guest_.find(guest);
    if (found == by_guest_.end()) return false;
    auto& bucket = *found->second;
    leak(bucket, now);
    return bucket.failures >= limits_.failures_max;
}

std::chrono::seconds LoginThrottle::failed(std::string_view guest, TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_guest_.find(guest); found != by_guest_.end()) {
        buckets_.splice(buckets_.begin(), buckets_, found->second);
        leak(buckets_.front(), now);
    } else {
        if (buckets_.size() >= limits_.guests_max) {
            by_guest_.erase(buckets_.back().guest);
            buckets_.pop_back();
        }
        buckets_.push_front({std::string(guest), 0, now});
        by_guest_.emplace(buckets_.front().guest, buckets_.begin());
    }
    auto& failures = buckets_.front().failures;
    failures = std::min(failures + 1, limits_.failures_max);
    return std::chrono::seconds(failures - std::min(failures, limits_.free_failures));
}

std::size_t LoginThrottle::guests() const {
    const std::lock_guard lock(mutex_);
    return buckets_.size();
}

std::string guest_of(std::string_view address, std::string_view login) {
    const auto parsed = IpAddress::parse(address);
    constexpr std::size_t loopback_v4_at = 12;  // ::ffff:127.x.y.z
    constexpr std::uint8_t loopback_v4 = 127;
    const bool local =
        !parsed || address == "::1" || (parsed->is_v4() && parsed->bytes[loopback_v4_at] == loopback_v4);
    if (local) {
        constexpr std::size_t login_bytes_max = 64;  // of an account's name
        const auto name = login.substr(0, login.find('@'));
        return std::string(address) + ' ' + lower(name.substr(0, login_bytes_max));
    }
    constexpr std::size_t network_bytes = 8;
    const std::size_t counted = parsed->is_v4() ? parsed->bytes.size() : network_bytes;
    return {reinterpret_cast<const char*>(parsed->bytes.data()), counted};
}

}  // namespace sims::guard
