// Logins that were verified lately, so that a client that polls does not cost an argon2 hash each time. Holds
// no password: a digest keyed with random bytes of this process. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

namespace sims::directory {

// Whose password, and which of those it has had.
struct LoginKey {
    std::int64_t account = 0;
    std::uint32_t version = 0;
};

class LoginMemory {
public:
    static constexpr std::size_t logins_max = 10'000;

    explicit LoginMemory(std::size_t capacity = logins_max);

    void remember(LoginKey key, std::string_view password);
    bool remembers(LoginKey key, std::string_view password);  // compares in constant time
    void forget(std::int64_t account);
    std::size_t size() const;

private:
    using Digest = std::array<unsigned char, 32>;
    struct Entry {
        std::int64_t account;
        Digest digest;
    };
    Digest digest(LoginKey key, std::string_view password) const;

    const std::size_t capacity_;
    std::array<unsigned char, 32> secret_{};
    mutable std::mutex mutex_;
    std::list<Entry> entries_;  // the latest used first
    std::unordered_map<std::int64_t, std::list<Entry>::iterator> by_account_;
};

}  // namespace sims::directory
