// The directory's tables: what is kept, and the statements that keep it. Every change is on stable storage
// when its function returns. Thread-safe; everything blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "directory/database.h"
#include "directory/records.h"

namespace sims::directory {

using SettingRow = std::pair<std::string, std::string>;  // "service.key", value
using LoginRow = std::pair<std::int64_t, LastLogin>;     // account

class Storage {
public:
    // Makes the folder (0700) and the file (0600) where they are not, and brings an older one up to date.
    // Error: refused for one that a newer SIMS made.
    static Result<std::unique_ptr<Storage>> open(const std::string& folder);
    explicit Storage(std::unique_ptr<Database> database) : database_(std::move(database)) {}

    Result<> load_domains(Domains& domains);
    Result<> load_accounts(Accounts& accounts);
    Result<std::vector<SettingRow>> load_settings();
    Result<std::string> load_text(std::string_view name);

    Result<DomainId> add_domain(std::string_view name);
    Result<> remove_domain(DomainId id);
    Result<std::int64_t> add_account(const Record& record);
    Result<> change_account(const Record& record);  // all columns of the account record.id
    Result<> remove_account(std::int64_t id);
    Result<> save_logins(const std::vector<LoginRow>& logins);
    Result<> save_settings(const std::vector<SettingRow>& settings);
    Result<> save_text(std::string_view name, std::string_view text);

    // An account's secrets, one of a kind: "password" is a hash.
    Result<std::optional<std::string>> credential(std::int64_t account, std::string_view kind);
    // All secrets of an account at once: what is not given is gone.
    struct Secrets {
        std::string_view password_hash;
        std::string scram;  // empty: none
    };
    Result<> save_secrets(std::int64_t account, const Secrets& secrets, TimePoint now);

private:
    std::mutex mutex_;
    std::unique_ptr<Database> database_;
};

}  // namespace sims::directory
