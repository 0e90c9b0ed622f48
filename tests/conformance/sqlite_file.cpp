#include "tests/conformance/sqlite_file.hpp"

#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <utility>

namespace coatcheck::conformance {

std::filesystem::path file;

std::string store_url()
{
    static const testing::temporary_folder folder;
    if (file.empty())
        file = folder.path() / "sessions.db";
    return url();
}

std::optional<remote_store> remote()
{
    return std::nullopt;
}

file_in_folder::file_in_folder() : before_(std::exchange(file, folder_.path() / "state" / "data" / "sessions.db")) {}

file_in_folder::file_in_folder(const std::filesystem::path& at) : before_(std::exchange(file, at)) {}

file_in_folder::~file_in_folder()
{
    file = before_;
}

shell::shell()
{
    REQUIRE(sqlite3_open(file.c_str(), &db_) == SQLITE_OK);
    sqlite3_busy_timeout(db_, 10'000);
}

shell::~shell()
{
    sqlite3_close(db_);
}

std::string shell::operator()(const std::string& sql)
{
    std::string rows;
    const auto append = [](void* to, int, char** values, char**) {
        static_cast<std::string*>(to)->append(values[0] != nullptr ? values[0] : "");
        return 0;
    };
    const int code = sqlite3_exec(db_, sql.c_str(), append, &rows, nullptr);
    REQUIRE_MESSAGE(code == SQLITE_OK, sql, ": ", sqlite3_errmsg(db_));
    return rows;
}

std::string where(const session_key& key)
{
    return " WHERE handle = '" + std::string(key.name.str()) + "'";
}

std::string url()
{
    return "sqlite://" + file.string();
}

std::string refusal_of(const std::string& at)
{
    runtime threads{1};
    try {
        open_backend(at, threads);
        return "opened";
    } catch (const std::exception& e) {
        return e.what();
    }
}

bool says(const std::string& text, std::string_view part)
{
    const bool found = text.find(part) != std::string::npos;
    if (!found)
        MESSAGE(text);
    return found;
}

std::string bytes_of(const std::filesystem::path& at)
{
    std::ifstream in(at, std::ios::binary);
    return {std::istreambuf_iterator(in), {}};
}

} // namespace coatcheck::conformance
