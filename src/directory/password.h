// Password hashes: argon2id for our own, crypt(3) for imported ones. Slow on purpose (tens of milliseconds of
// CPU, 19 MiB). Pure but for the random salt.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sims::directory {

// OWASP's least costly recommended parameters for argon2id.
struct HashCost {
    static constexpr unsigned memory_kib = 19 * 1024;
    static constexpr unsigned passes = 2;
    static constexpr unsigned lanes = 1;
};

// "$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH" with a random salt.
Result<std::string> hash_password(std::string_view password);

// outdated: right, but the hash is not one hash_password() makes now.
enum class HashMatch { wrong, right, outdated };
HashMatch match_password(std::string_view hash, std::string_view password);

// Whether match_password() could ever match it: one of ours, or "$..." that this system's crypt(3) knows.
bool is_known_hash(std::string_view hash);

// Takes as long as a match against one of our hashes: for accounts that are not there.
void waste_time(std::string_view password);

}  // namespace sims::directory
