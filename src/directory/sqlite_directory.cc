#include "directory/sqlite_directory.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "base/text.h"
#include "directory/account_rules.h"
#include "mail/address.h"

namespace sims::directory {

namespace {

Error no_account(const AccountName& name) {
    return fail(Fault::not_found, fmt::format("there is no account {}", printable(name.text(), 330)));
}
Error no_domain(std::string_view domain) {
    return fail(Fault::not_found, fmt::format("{} is not a domain of this server", printable(domain)));
}

std::array<unsigned char, 32> random_key() {
    std::array<unsigned char, 32> key{};
    check(RAND_bytes(key.data(), static_cast<int>(key.size())) == 1, "the system has no random bytes");
    return key;
}

}  // namespace

Result<std::unique_ptr<Directory>> Directory::open(std::string folder, std::string main_domain, Clock clock,
                                                   Log& log) {
    auto storage = Storage::open(folder);
    if (!storage) return storage.error();
    auto directory =
        std::make_unique<SqliteDirectory>(std::move(*storage), std::move(main_domain), std::move(clock), log);
    if (auto loaded = directory->load(); !loaded) return loaded.error();
    return std::unique_ptr<Directory>(std::move(directory));
}

SqliteDirectory::SqliteDirectory(std::unique_ptr<Storage> storage, std::string main_domain, Clock clock,
                                 Log& log)
    : storage_(std::move(storage)),
      clock_(std::move(clock)),
      log_(log),
      decoy_key_(random_key()),
      // A main domain that is no domain (a bare host name such as "localhost" is one) is compared as it
      // stands.
      domains_(mail::ascii_domain(main_domain).value_or(lower(main_domain))),
      settings_(std::make_shared<const Settings>()),
      login_writer_(*storage_, log) {}

Result<> SqliteDirectory::load() {
    const std::lock_guard lock(memory_mutex_);
    if (auto loaded = storage_->load_domains(domains_); !loaded) return loaded;
    if (auto loaded = storage_->load_accounts(accounts_); !loaded) return loaded;
    auto settings = load_settings();
    if (!settings) return settings.error();
    settings_ = std::make_shared<const Settings>(std::move(*settings));
    auto table = storage_->load_text("router");
    if (!table) return table.error();
    router_table_ = std::move(*table);
    apply_log_levels(*settings_);
    return {};
}

std::string SqliteDirectory::main_domain() const { return domains_.main(); }  // never changes

std::vector<std::string> SqliteDirectory::domains() const {
    const std::shared_lock lock(memory_mutex_);
    return domains_.list();
}

bool SqliteDirectory::is_own_domain(std::string_view domain) const {
    const std::shared_lock lock(memory_mutex_);
    return !domain.empty() && domains_.find(domain).has_value();
}

Result<> SqliteDirectory::add_domain(std::string_view domain) {
    const auto name = mail::ascii_domain(domain);
    if (!name) return fail(Fault::invalid, fmt::format("\"{}\" is not a domain name", printable(domain)));
    const std::lock_guard change(change_mutex_);
    if (is_own_domain(*name))
        return fail(Fault::exists, fmt::format("{} is a domain of this server already", *name));
    const auto id = storage_->add_domain(*name);
    if (!id) return id.error();
    const std::lock_guard lock(memory_mutex_);
    domains_.add(*id, *name);
    return {};
}

Result<> SqliteDirectory::remove_domain(std::string_view domain) {
    const std::lock_guard change(change_mutex_);
    std::optional<DomainId> id;
    {
        const std::shared_lock lock(memory_mutex_);
        if (!domain.empty()) id = domains_.find(domain);
        if (!id) return no_domain(domain);
        if (*id == main_domain_id)
            return fail(Fault::refused, "the main domain is set in sims.toml and cannot be removed");
        if (accounts_.any_in(*id)) {
            return fail(Fault::refused,
                        fmt::format("{} still has accounts; remove them first", printable(domain)));
        }
    }
    if (auto removed = storage_->remove_domain(*id); !removed) return removed;
    const std::lock_guard lock(memory_mutex_);
    domains_.remove(*id);
    return {};
}

Record* SqliteDirectory::find_record(const AccountName& name) const {
    const auto domain = domains_.find(name.domain);
    return domain ? accounts_.find(*domain, name.name) : nullptr;
}

Record* SqliteDirectory::find_login_record(std::string_view login) const {
    const auto at = login.rfind('@');
    if (at == std::string_view::npos) return accounts_.find(main_domain_id, login);
    const auto domain = domains_.find(login.substr(at + 1));
    return domain ? accounts_.find(*domain, login.substr(0, at)) : nullptr;
}

Account SqliteDirectory::account_of(const Record& record) const {
    Account account;
    account.name = {record.name, std::string(domains_.name(record.domain))};
    account.full_name = record.full_name;
    account.enabled = record.enabled;
    account.login_enabled = record.login_enabled;
    account.size_limit_kbytes = record.size_limit_kbytes;
    account.apop_required = record.apop_required;
    account.notify_mode = record.notify_mode;
    account.notify_address = record.notify_address;
    account.administrator = record.administrator;
    if (record.last_login) account.last_login = *record.last_login;
    return account;
}

std::optional<Account> SqliteDirectory::find(const AccountName& name) const {
    const std::shared_lock lock(memory_mutex_);
    const auto* record = find_record(name);
    return record == nullptr ? std::nullopt : std::optional(account_of(*record));
}

std::optional<Account> SqliteDirectory::find_login(std::string_view login) const {
    const std::shared_lock lock(memory_mutex_);
    const auto* record = find_login_record(login);
    return record == nullptr ? std::nullopt : std::optional(account_of(*record));
}

std::vector<Account> SqliteDirectory::list() const {
    std::vector<std::pair<std::string, Account>> keyed;
    {
        const std::shared_lock lock(memory_mutex_);
        keyed.reserve(accounts_.size());
        accounts_.each(
            [&](const Record& record) { keyed.emplace_back(lower(record.name), account_of(record)); });
    }
    std::sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) {
        return std::tie(a.second.name.domain, a.first) < std::tie(b.second.name.domain, b.first);
    });
    std::vector<Account> accounts;
    accounts.reserve(keyed.size());
    for (auto& [key, account] : keyed) accounts.push_back(std::move(account));
    return accounts;
}

Record SqliteDirectory::copy_of(const Record& record) {
    Record copy;
    copy.id = record.id;
    copy.domain = record.domain;
    copy.name = record.name;
    copy.full_name = record.full_name;
    copy.notify_address = record.notify_address;
    copy.size_limit_kbytes = record.size_limit_kbytes;
    copy.notify_mode = record.notify_mode;
    copy.enabled = record.enabled;
    copy.login_enabled = record.login_enabled;
    copy.apop_required = record.apop_required;
    copy.administrator = record.administrator;
    return copy;
}

Result<> SqliteDirectory::add(const AccountName& name, const AccountChange& change) {
    if (auto legal = check_account_name(name.name); !legal) return legal;
    if (auto legal = check_change(change); !legal) return legal;
    const std::lock_guard one_change(change_mutex_);
    auto record = std::make_unique<Record>();
    {
        const std::shared_lock lock(memory_mutex_);
        const auto domain = domains_.find(name.domain);
        if (!domain) return no_domain(name.domain);
        if (accounts_.find(*domain, name.name) != nullptr) {
            return fail(Fault::exists, fmt::format("there is an account {} already", name.text()));
        }
        record->domain = *domain;
    }
    record->name = name.name;
    apply(change, *record);
    const auto id = storage_->add_account(*record);
    if (!id) return id.error();
    record->id = *id;
    const std::lock_guard lock(memory_mutex_);
    accounts_.add(std::move(record));
    return {};
}

Result<> SqliteDirectory::change(const AccountName& name, const AccountChange& change) {
    if (auto legal = check_change(change); !legal) return legal;
    const std::lock_guard one_change(change_mutex_);
    Record changed;
    {
        const std::shared_lock lock(memory_mutex_);
        const auto* record = find_record(name);
        if (record == nullptr) return no_account(name);
        changed = copy_of(*record);
    }
    apply(change, changed);
    if (auto saved = storage_->change_account(changed); !saved) return saved;
    {
        const std::lock_guard lock(memory_mutex_);
        apply(change, *find_record(name));
    }
    if (!changed.login_enabled) logins_.forget(changed.id);
    return {};
}

Result<> SqliteDirectory::rename(const AccountName& from, const AccountName& to) {
    if (auto legal = check_account_name(to.name); !legal) return legal;
    const std::lock_guard one_change(change_mutex_);
    Record changed;
    {
        const std::shared_lock lock(memory_mutex_);
        const auto* record = find_record(from);
        if (record == nullptr) return no_account(from);
        const auto domain = domains_.find(to.domain);
        if (!domain) return no_domain(to.domain);
        const auto* other = accounts_.find(*domain, to.name);
        if (other != nullptr && other != record) {
            return fail(Fault::exists, fmt::format("there is an account {} already", to.text()));
        }
        changed = copy_of(*record);
        changed.domain = *domain;
        changed.name = to.name;
    }
    if (auto saved = storage_->change_account(changed); !saved) return saved;
    const std::lock_guard lock(memory_mutex_);
    accounts_.rename(*find_record(from), changed.domain, changed.name);
    return {};
}

Result<> SqliteDirectory::remove(const AccountName& name) {
    const std::lock_guard one_change(change_mutex_);
    std::int64_t id = 0;
    {
        const std::shared_lock lock(memory_mutex_);
        const auto* record = find_record(name);
        if (record == nullptr) return no_account(name);
        id = record->id;
    }
    if (auto removed = storage_->remove_account(id); !removed) return removed;
    {
        const std::lock_guard lock(memory_mutex_);
        accounts_.remove(*find_record(name));
    }
    logins_.forget(id);
    return {};
}

void SqliteDirectory::note_login(const AccountName& name, const LastLogin& login) {
    std::int64_t id = 0;
    {
        const std::lock_guard lock(memory_mutex_);
        auto* record = find_record(name);
        if (record == nullptr) return;
        record->last_login = std::make_unique<LastLogin>(login);
        id = record->id;
    }
    login_writer_.note(id, login);
}

}  // namespace sims::directory
