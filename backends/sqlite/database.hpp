#pragma once
// SQLite's C interface, with owners. A connection and its statements belong to one thread at a time.

#include "proto/error.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace coatcheck::sqlite {

enum class access : std::uint8_t { read_only, read_write };

class connection {
public:
    // Opens a file that exists. Throws std::runtime_error.
    connection(const std::filesystem::path& file, access how);

    sqlite3* get() const noexcept { return db_.get(); }

    // Runs SQL without parameters. Throws std::runtime_error: for start-up.
    void run(const std::string& sql);

    // The first column of the first row of a query that has one, e.g. a PRAGMA. Throws std::runtime_error.
    std::string ask(const std::string& sql);

    // Takes room on the disk for a file of `bytes`, some of it ahead.
    result<void> reserve(std::int64_t bytes);

    bool in_transaction() const noexcept { return sqlite3_get_autocommit(db_.get()) == 0; }

    // What `code`, which the last call returned, means for a caller.
    failure failed(int code, std::string_view doing) const;

private:
    struct closer {
        void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    };

    std::unique_ptr<sqlite3, closer> db_;
};

// A prepared statement that is used again and again. Parameters are bound in order, from the first after a reset.
class statement {
public:
    // Throws std::runtime_error. `db` must outlive the statement.
    statement(const connection& db, std::string_view sql);

    statement& bind(std::int64_t value) noexcept;
    statement& bind_text(std::string_view value) noexcept; // which must outlive the step
    statement& bind_blob(std::string_view value) noexcept; // which must outlive the step

    // SQLITE_ROW, SQLITE_DONE or an error.
    int step() noexcept { return sqlite3_step(statement_.get()); }

    std::int64_t integer(int column) const noexcept { return sqlite3_column_int64(statement_.get(), column); }
    std::string_view bytes(int column) const noexcept; // valid until the next step or reset

    // Ends the statement's read transaction and forgets the parameters.
    void reset() noexcept;

private:
    struct finalizer {
        void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
    };

    std::unique_ptr<sqlite3_stmt, finalizer> statement_;
    int bound_ = 0;
};

// Resets a statement when the scope ends.
class use {
public:
    explicit use(statement& s) noexcept : statement_(s) {}
    ~use() { statement_.reset(); }
    use(const use&) = delete;
    use& operator=(const use&) = delete;

private:
    statement& statement_;
};

} // namespace coatcheck::sqlite
