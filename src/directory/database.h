// A SQLite file as the directory uses it: statements prepared once, errors as values. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sqlite3.h>

#include "base/check.h"
#include "base/result.h"

namespace sims::directory {

// A row being read. Texts are borrowed until the next row.
class Row {
public:
    explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
    std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
    bool boolean(int column) const { return number(column) != 0; }
    std::string_view text(int column) const;

private:
    sqlite3_stmt* statement_;
};

class Database {
public:
    // Made with mode 0600 when it is not there. WAL, each commit synced.
    static Result<std::unique_ptr<Database>> open(std::string path);
    Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // `sql` is a literal: it is prepared once and kept for ever. Arguments are integers or texts.
    template <class... Args>
    Result<> run(std::string_view sql, const Args&... args) {
        return each(
            sql, [](const Row&) {}, args...);
    }
    template <class OnRow, class... Args>
    Result<> each(std::string_view sql, const OnRow& on_row, const Args&... args) {
        auto prepared = prepare(sql);
        if (!prepared) return prepared.error();
        const Use use(*prepared);
        int index = 0;
        (bind(*prepared, ++index, args), ...);
        int status = sqlite3_step(*prepared);
        for (; status == SQLITE_ROW; status = sqlite3_step(*prepared)) on_row(Row(*prepared));
        if (status != SQLITE_DONE) return error(status, sql);
        return {};
    }
    // Several statements without arguments.
    Result<> script(const std::string& sql);
    std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_); }

private:
    // Unbinds and rewinds at the end of a use.
    struct Use {
        explicit Use(sqlite3_stmt* s) : statement(s) {}
        ~Use();
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;
        sqlite3_stmt* statement;
    };
    Result<sqlite3_stmt*> prepare(std::string_view sql);
    Error error(int status, std::string_view doing) const;
    static void bind(sqlite3_stmt* statement, int index, std::int64_t value);
    static void bind(sqlite3_stmt* statement, int index, std::string_view value);
    static void bind(sqlite3_stmt* statement, int index, bool value) {
        bind(statement, index, std::int64_t{value ? 1 : 0});
    }

    sqlite3* handle_;
    std::string path_;
    std::unordered_map<std::string_view, sqlite3_stmt*> statements_;
};

// Everything run since begin() is undone unless commit() succeeded.
class Transaction {
public:
    static Result<Transaction> begin(Database& database);
    ~Transaction();
    Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
    Transaction& operator=(Transaction&&) = delete;
    Result<> commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

}  // namespace sims::directory
