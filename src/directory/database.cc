#include "directory/database.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace sims::directory {

namespace {

Fault fault_of(int status) {
    switch (status & 0xff) {
        case SQLITE_FULL: return Fault::no_space;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Fault::busy;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return Fault::corrupt;
        default: return Fault::io;
    }
}

// SQLite would make the file readable for all; its companions (-wal, -shm) take the file's own mode.
Result<> make_private_file(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return system_error(errno, "open", path);
    const int status = ::fchmod(descriptor, 0600);
    const int number = errno;
    ::close(descriptor);
    if (status != 0) return system_error(number, "chmod", path);
    return {};
}

}  // namespace

std::string_view Row::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Database::Use::~Use() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

Result<std::unique_ptr<Database>> Database::open(std::string path) {
    constexpr int busy_milliseconds = 5000;  // an administrator's sqlite3 may hold it for a moment
    if (auto made = make_private_file(path); !made) return made.error();
    sqlite3* handle = nullptr;
    const int status =
        sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    // The handle is there even after a failure, and must be closed.
    auto database = std::make_unique<Database>(handle, path);
    if (status != SQLITE_OK) return database->error(status, "open");
    sqlite3_busy_timeout(handle, busy_milliseconds);
    auto prepared = database->script(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-512;");
    if (!prepared) return prepared.error();
    return database;
}

Database::~Database() {
    for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
    sqlite3_close(handle_);
}

Result<> Database::script(const std::string& sql) {
    const int status = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
    if (status != SQLITE_OK) return error(status, sql);
    return {};
}

Result<sqlite3_stmt*> Database::prepare(std::string_view sql) {
    if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
    sqlite3_stmt* statement = nullptr;
    const int status = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (status != SQLITE_OK) return error(status, sql);
    statements_.emplace(sql, statement);
    return statement;
}

Error Database::error(int status, std::string_view doing) const {
    constexpr std::size_t shown_max = 60;
    return fail(fault_of(status), fmt::format("{}: {} ({})", path_,
                                              handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory",
                                              doing.substr(0, shown_max)));
}

void Database::bind(sqlite3_stmt* statement, int index, std::int64_t value) {
    check(sqlite3_bind_int64(statement, index, value) == SQLITE_OK, "bind a number to a statement");
}

void Database::bind(sqlite3_stmt* statement, int index, std::string_view value) {
    // A null pointer would bind NULL; the text is used before run() returns, so it is not copied.
    const char* bytes = value.data() == nullptr ? "" : value.data();
    check(sqlite3_bind_text64(statement, index, bytes, value.size(), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK,
          "bind a text to a statement");
}

Result<Transaction> Transaction::begin(Database& database) {
    if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return begun.error();
    return Transaction(database);
}

Transaction::~Transaction() {
    // A failed COMMIT may have rolled back already; then there is nothing to roll back, which is as well.
    if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

Result<> Transaction::commit() {
    auto committed = database_->run("COMMIT");
    if (committed) database_ = nullptr;
    return committed;
}

}  // namespace sims::directory
