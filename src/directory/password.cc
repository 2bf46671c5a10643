#include "directory/password.h"

#include <algorithm>
#include <array>
#include <memory>

#include <argon2.h>
#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/check.h"

namespace sims::directory {

namespace {

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::string_view own_mark = "$argon2id$";

using Salt = std::array<unsigned char, salt_bytes>;

Salt random_salt() {
    Salt salt{};
    check(RAND_bytes(salt.data(), static_cast<int>(salt.size())) == 1, "the system has no random bytes");
    return salt;
}

std::string current_parameters() {
    return fmt::format("{}v={}$m={},t={},p={}$", own_mark, static_cast<int>(ARGON2_VERSION_NUMBER),
                       HashCost::memory_kib, HashCost::passes, HashCost::lanes);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The crypt(3) hash of the password under another hash's method and salt; empty when there is no such method.
std::string crypt_like(std::string_view hash, std::string_view password) {
    const auto data = std::make_unique<crypt_data>();  // 32 KiB: not for the stack
    const std::string phrase(password), setting(hash);
    const char* made = crypt_r(phrase.c_str(), setting.c_str(), data.get());
    // libxcrypt answers failure with a text that begins with '*', which is never a hash.
    return made == nullptr || made[0] == '*' ? std::string() : std::string(made);
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
    const auto salt = random_salt();
    std::array<char, 160> encoded{};
    const int status = argon2id_hash_encoded(HashCost::passes, HashCost::memory_kib, HashCost::lanes,
                                             password.data(), password.size(), salt.data(), salt.size(),
                                             hash_bytes, encoded.data(), encoded.size());
    if (status != ARGON2_OK) {
        return fail(Fault::unavailable, fmt::format("hash a password: {}", argon2_error_message(status)));
    }
    return std::string(encoded.data());
}

HashMatch match_password(std::string_view hash, std::string_view password) {
    if (hash.starts_with(own_mark)) {
        const std::string encoded(hash);
        if (argon2id_verify(encoded.c_str(), password.data(), password.size()) != ARGON2_OK)
            return HashMatch::wrong;
        return hash.starts_with(current_parameters()) ? HashMatch::right : HashMatch::outdated;
    }
    // A NUL would end the password early for crypt(3).
    if (!hash.starts_with('$') || password.find('\0') != std::string_view::npos) return HashMatch::wrong;
    const std::string made = crypt_like(hash, password);
    return !made.empty() && equal_in_constant_time(made, hash) ? HashMatch::outdated : HashMatch::wrong;
}

bool is_known_hash(std::string_view hash) {
    constexpr std::size_t hash_max = 384;  // CRYPT_OUTPUT_SIZE
    const bool graphic = std::all_of(hash.begin(), hash.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!graphic || !hash.starts_with('$') || hash.size() >= hash_max) return false;
    if (hash.starts_with(own_mark)) return true;
    // The same method and salt give a hash of the same length, whatever the password.
    return crypt_like(hash, "x").size() == hash.size();
}

void waste_time(std::string_view password) {
    const auto salt = random_salt();
    std::array<unsigned char, hash_bytes> raw{};
    argon2id_hash_raw(HashCost::passes, HashCost::memory_kib, HashCost::lanes, password.data(),
                      password.size(), salt.data(), salt.size(), raw.data(), raw.size());
}

}  // namespace sims::directory
