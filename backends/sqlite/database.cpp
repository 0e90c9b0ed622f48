#include "backends/sqlite/database.hpp"

#include <cerrno>
#include <stdexcept>

namespace coatcheck::sqlite {

namespace {

bool no_room(int system_error) noexcept
{
    return system_error == ENOSPC || system_error == EDQUOT;
}

std::string message(sqlite3* db, int code)
{
    std::string text = sqlite3_errstr(code);
    if (db != nullptr && sqlite3_errmsg(db) != text)
        text.append(", ").append(sqlite3_errmsg(db));
    return text + " (" + std::to_string(code) + ")";
}

// An operator's: what was done to which file, and what came of it.
[[noreturn]] void refuse(sqlite3* db, int code, std::string_view doing)
{
    throw std::runtime_error("sqlite: " + std::string(sqlite3_db_filename(db, "main")) + ": " + message(db, code) +
                             " at " + std::string(doing));
}

} // namespace

connection::connection(const std::filesystem::path& file, access how)
{
    sqlite3* db = nullptr;
    const int flags = (how == access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
                      SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(file.c_str(), &db, flags, nullptr);
    db_.reset(db);
    if (code != SQLITE_OK)
        throw std::runtime_error("sqlite: cannot open " + file.string() + ": " + message(db, code));
}

void connection::run(const std::string& sql)
{
    if (const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr); code != SQLITE_OK)
        refuse(get(), code, sql);
}

std::string connection::ask(const std::string& sql)
{
    statement s(*this, sql);
    if (const int code = s.step(); code != SQLITE_ROW)
        refuse(get(), code, sql);
    return std::string(s.bytes(0));
}

result<void> connection::reserve(std::int64_t bytes)
{
    sqlite3_file* file = nullptr;
    sqlite3_int64 size = 0;
    sqlite3_file_control(get(), "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&file));
    if (file->pMethods->xFileSize(file, &size) == SQLITE_OK && bytes <= size)
        return {};
    errno = 0;
    if (const int code = sqlite3_file_control(get(), "main", SQLITE_FCNTL_SIZE_HINT, &bytes); code != SQLITE_OK)
        return failure{no_room(errno) ? errc::full : errc::unavailable,
                       "sqlite: making the file larger: " + message(nullptr, code)};
    return {};
}

failure connection::failed(int code, std::string_view doing) const
{
    std::string detail = "sqlite: " + std::string(doing) + ": " + message(get(), code);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return {errc::full, std::move(detail)};
    case SQLITE_TOOBIG:
        return {errc::too_large, std::move(detail)};
    case SQLITE_IOERR: {
        // SQLite says FULL for a write that found no room, but not for its shared memory, nor for a quota.
        const bool full = no_room(sqlite3_system_errno(get()));
        return {full ? errc::full : errc::unavailable, std::move(detail)};
    }
    default:
        return {errc::unavailable, std::move(detail)};
    }
}

statement::statement(const connection& db, std::string_view sql)
{
    sqlite3_stmt* s = nullptr;
    const int code =
        sqlite3_prepare_v3(db.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &s, nullptr);
    statement_.reset(s);
    if (code != SQLITE_OK)
        refuse(db.get(), code, sql);
}

// A bind that fails (no memory, too big) leaves NULL, which the table's NOT NULL refuses.
statement& statement::bind(std::int64_t value) noexcept
{
    sqlite3_bind_int64(statement_.get(), ++bound_, value);
    return *this;
}

statement& statement::bind_text(std::string_view value) noexcept
{
    sqlite3_bind_text64(statement_.get(), ++bound_, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
}

statement& statement::bind_blob(std::string_view value) noexcept
{
    // A null pointer would bind NULL, and an empty view may have one.
    sqlite3_bind_blob64(statement_.get(), ++bound_, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
    return *this;
}

std::string_view statement::bytes(int column) const noexcept
{
    const void* data = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return {static_cast<const char*>(data), data == nullptr ? 0 : static_cast<std::size_t>(size)};
}

void statement::reset() noexcept
{
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
    bound_ = 0;
}

} // namespace coatcheck::sqlite
