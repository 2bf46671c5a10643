#include "directory/login_memory.h"

#include <string>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/bytes.h"
#include "base/check.h"

namespace sims::directory {

LoginMemory::LoginMemory(std::size_t capacity) : capacity_(capacity) {
    check(capacity > 0, "a login memory that holds nothing");
    check(RAND_bytes(secret_.data(), static_cast<int>(secret_.size())) == 1,
          "the system has no random bytes");
}

LoginMemory::Digest LoginMemory::digest(LoginKey key, std::string_view password) const {
    std::string text;
    put(text, static_cast<std::uint64_t>(key.account));
    put(text, key.version);
    text.append(password);  // last: nothing after it can be taken for part of it
    Digest out{};
    unsigned length = 0;
    const auto* made =
        HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &length);
    OPENSSL_cleanse(text.data(), text.size());
    check(made != nullptr && length == out.size(), "HMAC-SHA256 failed");
    return out;
}

void LoginMemory::remember(LoginKey key, std::string_view password) {
    const auto made = digest(key, password);
    const std::lock_guard lock(mutex_);
    if (const auto found = by_account_.find(key.account); found != by_account_.end()) {
        found->second->digest = made;
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    if (entries_.size() >= capacity_) {
        by_account_.erase(entries_.back().account);
        entries_.pop_back();
    }
    entries_.push_front({key.account, made});
    by_account_[key.account] = entries_.begin();
}

bool LoginMemory::remembers(LoginKey key, std::string_view password) {
    const auto made = digest(key, password);
    const std::lock_guard lock(mutex_);
    const auto found = by_account_.find(key.account);
    if (found == by_account_.end()) return false;
    if (CRYPTO_memcmp(made.data(), found->second->digest.data(), made.size()) != 0) return false;
    entries_.splice(entries_.begin(), entries_, found->second);
    return true;
}

void LoginMemory::forget(std::int64_t account) {
    const std::lock_guard lock(mutex_);
    const auto found = by_account_.find(account);
    if (found == by_account_.end()) return;
    entries_.erase(found->second);
    by_account_.erase(found);
}

std::size_t LoginMemory::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace sims::directory
