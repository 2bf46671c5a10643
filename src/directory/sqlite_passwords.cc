// The part of the embedded directory that deals with passwords.
#include <fmt/format.h>

#include "base/text.h"
#include "directory/sqlite_directory.h"

namespace sims::directory {

namespace {
constexpr std::string_view password_kind = "password";
}

std::optional<SqliteDirectory::Identity> SqliteDirectory::identify(std::string_view login) const {
    const auto* record = find_login_record(login);
    if (record == nullptr || is_mirror_name(record->name)) return std::nullopt;
    return Identity{{record->id, record->password_version}, record->login_enabled};
}

Result<> SqliteDirectory::set_password(const AccountName& name, std::string_view password) {
    if (auto legal = check_password(password); !legal) return legal;
    if (!find(name)) return save_hash(name, "");  // says so without hashing first
    const auto hash = hash_password(password);
    if (!hash) return hash.error();
    return save_hash(name, *hash);
}

Result<> SqliteDirectory::set_password_hash(const AccountName& name, std::string_view hash) {
    if (!is_known_hash(hash)) return fail(Fault::invalid, "this is not a password hash this system knows");
    return save_hash(name, hash);
}

Result<> SqliteDirectory::save_hash(const AccountName& name, std::string_view hash) {
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
    if (auto saved = storage_->save_credential(id, password_kind, hash, clock_()); !saved) return saved;
    {
        const std::lock_guard lock(memory_mutex_);
        ++find_record(name)->password_version;
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
    if (match == HashMatch::outdated) replace_outdated(login, who->key, password);
    return PasswordVerdict::right;
}

void SqliteDirectory::replace_outdated(std::string_view login, LoginKey key, std::string_view password) {
    const auto hash = hash_password(password);
    const std::lock_guard one_change(change_mutex_);
    {
        const std::shared_lock lock(memory_mutex_);
        const auto who = identify(login);
        if (!who || who->key.account != key.account || who->key.version != key.version) return;
    }
    // Not a change of password: logins stay remembered.
    Result<> saved =
        hash ? storage_->save_credential(key.account, password_kind, *hash, clock_()) : hash.error();
    if (saved) return;
    log_.line(LogLevel::problems, Service::server, "", "directory.hash_not_renewed",
              "the imported password hash of {} stays: {}", printable(login), saved.error().text);
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
