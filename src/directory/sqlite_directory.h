// The embedded directory: everything but password hashes in memory, every change in SQLite first. One change
// at a time; readers wait only while memory is being changed, never for the disk.
#pragma once

#include <array>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "directory/directory.h"
#include "directory/login_memory.h"
#include "directory/login_writer.h"
#include "directory/password.h"
#include "directory/records.h"
#include "directory/storage.h"

namespace sims::directory {

class SqliteDirectory final : public Directory {
public:
    SqliteDirectory(std::unique_ptr<Storage> storage, std::string main_domain, Clock clock, Log& log);
    Result<> load();

    std::string main_domain() const override;
    std::vector<std::string> domains() const override;
    bool is_own_domain(std::string_view domain) const override;
    Result<> add_domain(std::string_view domain) override;
    Result<> remove_domain(std::string_view domain) override;

    std::optional<Account> find(const AccountName& name) const override;
    std::optional<Account> find_login(std::string_view login) const override;
    std::vector<Account> list() const override;
    Result<> add(const AccountName& name, const AccountChange& change) override;
    Result<> change(const AccountName& name, const AccountChange& change) override;
    Result<> rename(const AccountName& from, const AccountName& to) override;
    Result<> remove(const AccountName& name) override;

    Result<> set_password(const AccountName& name, std::string_view password) override;
    Result<> set_password_hash(const AccountName& name, std::string_view hash) override;
    PasswordVerdict verify_password(std::string_view login, std::string_view password) override;
    bool remembers(std::string_view login, std::string_view password) const override;
    std::optional<sasl::ScramKeys> scram_keys(std::string_view login) const override;
    std::string decoy_salt(std::string_view login) const override;
    void note_login(const AccountName& name, const LastLogin& login) override;

    SettingsPointer settings() const override;
    Result<> set_settings(std::string_view service,
                          const std::vector<std::pair<std::string, std::string>>& changes) override;
    std::string router_table() const override;
    Result<> set_router_table(std::string_view text) override;

private:
    // What is known of a login without its account, which may go away meanwhile.
    struct Identity {
        LoginKey key;
        bool login_enabled = false;
        bool has_scram_keys = false;
    };
    // A password as it is kept.
    struct Kept {
        std::string hash;
        std::optional<sasl::ScramKeys> scram;
    };
    static Result<Kept> keep(std::string_view password);  // slow
    // These five need memory_mutex_.
    Record* find_record(const AccountName& name) const;
    Record* find_login_record(std::string_view login) const;
    std::optional<Identity> identify(std::string_view login) const;  // nothing: cannot log in
    Account account_of(const Record& record) const;
    static Record copy_of(const Record& record);  // without the last login

    Result<> save(const AccountName& name, const Kept& kept);
    void renew(std::string_view login, LoginKey key, std::string_view password);
    Result<Settings> load_settings();
    void apply_log_levels(const Settings& settings);

    std::unique_ptr<Storage> storage_;
    Clock clock_;
    Log& log_;
    mutable LoginMemory logins_;
    const std::array<unsigned char, 32> decoy_key_;
    std::mutex change_mutex_;                 // one change at a time, held while it goes to disk
    mutable std::shared_mutex memory_mutex_;  // guards the rest; never held while something blocks
    Domains domains_;
    Accounts accounts_;
    SettingsPointer settings_;
    std::string router_table_;
    LoginWriter login_writer_;  // last: its thread uses storage_ and log_
};

}  // namespace sims::directory
