// The part of the embedded directory that deals with passwords.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "base/text.h"
#include "directory/scram_text.h"
#include "directory/sqlite_directory.h"

namespace sims::directory {

namespace {
constexpr std::string_view password_kind = "password";
constexpr std::size_t salt_bytes = 16;

std::string random_salt() {
    std::string salt(salt_bytes, '\0');
    check(RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) == 1,
          "the system has no random bytes");
    return salt;
}

std::unique_ptr<sasl::ScramKeys> boxed(const std::optional<sasl::ScramKeys>& keys) {
    return keys ? std::make_unique<sasl::ScramKeys>(*keys) : nullptr;
}
}  // namespace

std::optional<SqliteDirectory::Identity> SqliteDirectory::identify(std::string_view login) const {
    const auto* record = find_login_record(login);
    if (record == nullptr || is_mirror_name(record->name)) return std::nullopt;
    return Identity{{record->id, record->password_version}, record->login_enabled, record->scram != nullptr};
}

Result<SqliteDirectory::Kept> SqliteDirectory::keep(std::string_view password) {
    auto hash = hash_password(password);
    if (!hash) return hash.error();
    return Kept{std::move(*hash), sasl::make_scram_keys(password, random_salt())};
}

Result<> SqliteDirectory::set_password(const AccountName& name, std::string_view password) {
    if (auto legal = check_password(password); !legal) return legal;
    if (!find(name)) return save(name, {});  // says so without hashing first
    const auto kept = keep(password);
    if (!kept) return kept.error();
    return save(name, *kept);
}

Result<> SqliteDirectory::set_password_hash(const AccountName& name, std::string_view hash) {
    if (!is_known_hash(hash)) return fail(Fault::invalid, "this is not a password hash this system knows");
    return save(name, {std::string(hash), std::nullopt});
}

Result<> SqliteDirectory::save(const AccountName& name, const Kept& kept) {
    const std::lock_guard one_change(change_mutex_);
    std::int64_t id = 0;
    {
        const std::shared_lock lock(memory_mutex_);
        const auto* record = find_record(name);
        if (record == nullptr) {
            return fail(Fault::not_found, fmt::format("there is no account {}", printable(name.text(), 330)));
        }
        if (is_mirror_name(record->name)) {
            return fail(Fault::refused, fmt::format("{} is a mirror: nobody logs in to it", record->name));
        }
        id = record->id;
    }
    const Storage::Secrets secrets{kept.hash, kept.scram ? text_of(*kept.scram) : std::string()};
    if (auto saved = storage_->save_secrets(id, secrets, clock_()); !saved) return saved;
    {
        const std::lock_guard lock(memory_mutex_);
        auto* record = find_record(name);
        ++record->password_version;
        record->scram = boxed(kept.scram);
    }
    logins_.forget(id);
    return {};
}

PasswordVerdict SqliteDirectory::verify_password(std::string_view login, std::string_view password) {
    std::optional<Identity> who;
    {
        const std::shared_lock lock(memory_mutex_);
        who = identify(login);
    }
    if (who && logins_.remembers(who->key, password)) {
        return who->login_enabled ? PasswordVerdict::right : PasswordVerdict::login_disabled;
    }
    Result<std::optional<std::string>> hash = std::optional<std::string>();
    if (who) hash = storage_->credential(who->key.account, password_kind);
    if (!hash) {
        log_.line(LogLevel::failures, Service::server, "", "directory.password_not_read",
                  "the password of {}: {}", printable(login), hash.error().text);
        return PasswordVerdict::unavailable;
    }
    if (!*hash || !check_password(password)) {
        waste_time(password);
        return who ? PasswordVerdict::wrong : PasswordVerdict::no_such_account;
    }
    const auto match = match_password(**hash, password);
    if (match == HashMatch::wrong) return PasswordVerdict::wrong;
    if (!who->login_enabled) return PasswordVerdict::login_disabled;
    // Under the version read before the hash: if the password changed meanwhile, this is never found again.
    logins_.remember(who->key, password);
    if (match == HashMatch::outdated || !who->has_scram_keys) renew(login, who->key, password);
    return PasswordVerdict::right;
}

// A hash from elsewhere, or one without SCRAM keys, is replaced now that the password is known.
void SqliteDirectory::renew(std::string_view login, LoginKey key, std::string_view password) {
    const auto kept = keep(password);
    const std::lock_guard one_change(change_mutex_);
    {
        const std::shared_lock lock(memory_mutex_);
        const auto who = identify(login);
        if (!who || who->key.account != key.account || who->key.version != key.version) return;
    }
    // Not a change of password: logins stay remembered.
    Result<> saved;
    if (!kept) {
        saved = kept.error();
    } else {
        const Storage::Secrets secrets{kept->hash, kept->scram ? text_of(*kept->scram) : std::string()};
        saved = storage_->save_secrets(key.account, secrets, clock_());
    }
    if (!saved) {
        log_.line(LogLevel::problems, Service::server, "", "directory.hash_not_renewed",
                  "the password hash of {} stays as it is: {}", printable(login), saved.error().text);
        return;
    }
    const std::lock_guard lock(memory_mutex_);
    find_login_record(login)->scram = boxed(kept->scram);
}

std::optional<sasl::ScramKeys> SqliteDirectory::scram_keys(std::string_view login) const {
    const std::shared_lock lock(memory_mutex_);
    const auto* record = find_login_record(login);
    if (record == nullptr || !record->login_enabled || !record->scram) return std::nullopt;
    return *record->scram;
}

std::string SqliteDirectory::decoy_salt(std::string_view login) const {
    std::array<unsigned char, 32> digest{};
    unsigned length = 0;
    const auto name = lower(login);
    const auto* made =
        HMAC(EVP_sha256(), decoy_key_.data(), static_cast<int>(decoy_key_.size()),
             reinterpret_cast<const unsigned char*>(name.data()), name.size(), digest.data(), &length);
    check(made != nullptr && length == digest.size(), "HMAC-SHA256 failed");
    return {reinterpret_cast<const char*>(digest.data()), salt_bytes};
}

bool SqliteDirectory::remembers(std::string_view login, std::string_view password) const {
    std::optional<Identity> who;
    {
        const std::shared_lock lock(memory_mutex_);
        who = identify(login);
    }
    return who && logins_.remembers(who->key, password);
}

}  // namespace sims::directory
