// How large mailboxes were when last seen, for who may not wait for the disk. Thread-safe; never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace sims::store {

class KnownSizes {
public:
    static constexpr std::size_t mailboxes_max = 200'000;  // beyond, any one is forgotten for a new one

    void set(const std::string& mailbox, std::uint64_t bytes);
    void forget(const std::string& mailbox);
    std::optional<std::uint64_t> find(const std::string& mailbox) const;

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::uint64_t> bytes_;
};

}  // namespace sims::store
