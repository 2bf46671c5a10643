#include "store/known_sizes.h"

namespace sims::store {

void KnownSizes::set(const std::string& mailbox, std::uint64_t bytes) {
    const std::lock_guard guard(mutex_);
    if (const auto found = bytes_.find(mailbox); found != bytes_.end()) {
        found->second = bytes;
        return;
    }
    if (bytes_.size() >= mailboxes_max) bytes_.erase(bytes_.begin());
    bytes_.emplace(mailbox, bytes);
}

void KnownSizes::forget(const std::string& mailbox) {
    const std::lock_guard guard(mutex_);
    bytes_.erase(mailbox);
}

std::optional<std::uint64_t> KnownSizes::find(const std::string& mailbox) const {
    const std::lock_guard guard(mutex_);
    const auto found = bytes_.find(mailbox);
    if (found == bytes_.end()) return std::nullopt;
    return found->second;
}

}  // namespace sims::store
