#include "directory/storage.h"

#include <array>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "directory/scram_text.h"

namespace sims::directory {

namespace {

// One step a schema version, never changed once released: PRAGMA user_version says how many were taken.
constexpr std::array<const char*, 1> migrations = {
    "CREATE TABLE domains(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE);"
    // domain 0 is the main one, whatever sims.toml calls it today.
    "CREATE TABLE accounts(id INTEGER PRIMARY KEY AUTOINCREMENT, domain INTEGER NOT NULL DEFAULT 0,"
    " name TEXT NOT NULL COLLATE NOCASE, full_name TEXT NOT NULL DEFAULT '', enabled INTEGER NOT NULL "
    "DEFAULT 1,"
    " login_enabled INTEGER NOT NULL DEFAULT 1, size_limit_kbytes INTEGER NOT NULL DEFAULT 0,"
    " apop_required INTEGER NOT NULL DEFAULT 0, notify_mode INTEGER NOT NULL DEFAULT 0,"
    " notify_address TEXT NOT NULL DEFAULT '', administrator INTEGER NOT NULL DEFAULT 0, UNIQUE(domain, "
    "name));"
    "CREATE TABLE credentials(account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE, kind TEXT "
    "NOT NULL,"
    " data TEXT NOT NULL, changed INTEGER NOT NULL, PRIMARY KEY(account, kind)) WITHOUT ROWID;"
    "CREATE TABLE logins(account INTEGER PRIMARY KEY REFERENCES accounts(id) ON DELETE CASCADE,"
    " time INTEGER NOT NULL, address TEXT NOT NULL, service TEXT NOT NULL);"
    "CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE texts(name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;",
};

Result<> migrate(Database& database) {
    std::int64_t version = 0;
    auto read = database.each("PRAGMA user_version", [&](const Row& row) { version = row.number(0); });
    if (!read) return read.error();
    const auto known = static_cast<std::int64_t>(migrations.size());
    if (version < 0 || version > known) {
        return fail(Fault::refused,
                    fmt::format("directory.db has version {}, this program knows up to {}: a newer SIMS "
                                "made it; use that one",
                                version, known));
    }
    for (; version < known; ++version) {
        auto step = Transaction::begin(database);
        if (!step) return step.error();
        auto done = database.script(migrations[static_cast<std::size_t>(version)]);
        if (done) done = database.script(fmt::format("PRAGMA user_version={}", version + 1));
        if (done) done = step->commit();
        if (!done) return done;
    }
    return {};
}

Result<> make_private_folder(const std::string& folder) {
    namespace fs = std::filesystem;
    std::error_code error;
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (error) return system_error(error.value(), "make folder", folder);
    return {};
}

std::unique_ptr<Record> read_account(const Row& row) {
    auto record = std::make_unique<Record>();
    record->id = row.number(0);
    record->domain = DomainId{row.number(1)};
    record->name = row.text(2);
    record->full_name = row.text(3);
    record->enabled = row.boolean(4);
    record->login_enabled = row.boolean(5);
    record->size_limit_kbytes = row.number(6);
    record->apop_required = row.boolean(7);
    const auto mode = row.number(8);
    if (mode >= 0 && mode <= static_cast<int>(NotifyMode::last_address))
        record->notify_mode = static_cast<NotifyMode>(mode);
    record->notify_address = row.text(9);
    record->administrator = row.boolean(10);
    if (const auto time = row.number(11); time != 0) {
        record->last_login = std::make_unique<LastLogin>();
        record->last_login->time = TimePoint(Duration(time));
        record->last_login->address = row.text(12);
        record->last_login->service = row.text(13);
    }
    if (auto keys = parse_scram_keys(row.text(14)))
        record->scram = std::make_unique<sasl::ScramKeys>(std::move(*keys));
    return record;
}

}  // namespace

Result<std::unique_ptr<Storage>> Storage::open(const std::string& folder) {
    if (auto made = make_private_folder(folder); !made) return made.error();
    auto database = Database::open(folder + "/directory.db");
    if (!database) return database.error();
    if (auto migrated = migrate(**database); !migrated) return migrated.error();
    return std::make_unique<Storage>(std::move(*database));
}

Result<> Storage::load_domains(Domains& domains) {
    const std::lock_guard lock(mutex_);
    return database_->each("SELECT id, name FROM domains", [&](const Row& row) {
        domains.add(DomainId{row.number(0)}, std::string(row.text(1)));
    });
}

Result<> Storage::load_accounts(Accounts& accounts) {
    const std::lock_guard lock(mutex_);
    auto counted = database_->each("SELECT count(*) FROM accounts", [&](const Row& row) {
        accounts.reserve(static_cast<std::size_t>(row.number(0)));
    });
    if (!counted) return counted.error();
    return database_->each(
        "SELECT id, domain, name, full_name, enabled, login_enabled, size_limit_kbytes, apop_required, "
        "notify_mode,"
        " notify_address, administrator, time, address, service, data FROM accounts"
        " LEFT JOIN logins ON logins.account = id"
        " LEFT JOIN credentials ON credentials.account = id AND kind = 'scram-sha-256'",
        [&](const Row& row) { accounts.add(read_account(row)); });
}

Result<std::vector<SettingRow>> Storage::load_settings() {
    const std::lock_guard lock(mutex_);
    std::vector<SettingRow> rows;
    auto read = database_->each("SELECT key, value FROM settings",
                                [&](const Row& row) { rows.emplace_back(row.text(0), row.text(1)); });
    if (!read) return read.error();
    return rows;
}

Result<std::string> Storage::load_text(std::string_view name) {
    const std::lock_guard lock(mutex_);
    std::string text;
    auto read = database_->each(
        "SELECT text FROM texts WHERE name = ?", [&](const Row& row) { text = row.text(0); }, name);
    if (!read) return read.error();
    return text;
}

Result<DomainId> Storage::add_domain(std::string_view name) {
    const std::lock_guard lock(mutex_);
    auto added = database_->run("INSERT INTO domains(name) VALUES(?)", name);
    if (!added) return added.error();
    return DomainId{database_->last_id()};
}

Result<> Storage::remove_domain(DomainId id) {
    const std::lock_guard lock(mutex_);
    return database_->run("DELETE FROM domains WHERE id = ?", id.value);
}

Result<std::int64_t> Storage::add_account(const Record& record) {
    const std::lock_guard lock(mutex_);
    auto added = database_->run(
        "INSERT INTO accounts(domain, name, full_name, enabled, login_enabled, size_limit_kbytes, "
        "apop_required,"
        " notify_mode, notify_address, administrator) VALUES(?,?,?,?,?,?,?,?,?,?)",
        record.domain.value, record.name, record.full_name, record.enabled, record.login_enabled,
        record.size_limit_kbytes, record.apop_required, static_cast<std::int64_t>(record.notify_mode),
        record.notify_address, record.administrator);
    if (!added) return added.error();
    return database_->last_id();
}

Result<> Storage::change_account(const Record& record) {
    const std::lock_guard lock(mutex_);
    return database_->run(
        "UPDATE accounts SET domain=?, name=?, full_name=?, enabled=?, login_enabled=?, size_limit_kbytes=?,"
        " apop_required=?, notify_mode=?, notify_address=?, administrator=? WHERE id=?",
        record.domain.value, record.name, record.full_name, record.enabled, record.login_enabled,
        record.size_limit_kbytes, record.apop_required, static_cast<std::int64_t>(record.notify_mode),
        record.notify_address, record.administrator, record.id);
}

Result<> Storage::remove_account(std::int64_t id) {
    const std::lock_guard lock(mutex_);
    return database_->run("DELETE FROM accounts WHERE id = ?", id);
}

Result<> Storage::save_logins(const std::vector<LoginRow>& logins) {
    const std::lock_guard lock(mutex_);
    auto batch = Transaction::begin(*database_);
    if (!batch) return batch.error();
    for (const auto& [account, login] : logins) {
        // The account may have been removed since.
        auto saved = database_->run(
            "INSERT OR REPLACE INTO logins(account, time, address, service)"
            " SELECT id, ?, ?, ? FROM accounts WHERE id = ?",
            std::int64_t{login.time.time_since_epoch().count()}, login.address, login.service, account);
        if (!saved) return saved;
    }
    return batch->commit();
}

Result<> Storage::save_settings(const std::vector<SettingRow>& settings) {
    const std::lock_guard lock(mutex_);
    auto batch = Transaction::begin(*database_);
    if (!batch) return batch.error();
    for (const auto& [key, value] : settings) {
        auto saved = database_->run("INSERT OR REPLACE INTO settings(key, value) VALUES(?,?)", key, value);
        if (!saved) return saved;
    }
    return batch->commit();
}

Result<> Storage::save_text(std::string_view name, std::string_view text) {
    const std::lock_guard lock(mutex_);
    return database_->run("INSERT OR REPLACE INTO texts(name, text) VALUES(?,?)", name, text);
}

Result<std::optional<std::string>> Storage::credential(std::int64_t account, std::string_view kind) {
    const std::lock_guard lock(mutex_);
    std::optional<std::string> data;
    auto read = database_->each(
        "SELECT data FROM credentials WHERE account = ? AND kind = ?",
        [&](const Row& row) { data = std::string(row.text(0)); }, account, kind);
    if (!read) return read.error();
    return data;
}

Result<> Storage::save_secrets(std::int64_t account, const Secrets& secrets, TimePoint now) {
    constexpr const char* insert = "INSERT INTO credentials(account, kind, data, changed) VALUES(?,?,?,?)";
    const std::int64_t time = now.time_since_epoch().count();
    const std::lock_guard lock(mutex_);
    auto batch = Transaction::begin(*database_);
    if (!batch) return batch.error();
    auto done = database_->run("DELETE FROM credentials WHERE account = ?", account);
    if (done) {
        done = database_->run(insert, account, std::string_view("password"), secrets.password_hash, time);
    }
    if (done && !secrets.scram.empty())
        done = database_->run(insert, account, std::string_view("scram-sha-256"), secrets.scram, time);
    if (!done) return done;
    return batch->commit();
}

}  // namespace sims::directory
