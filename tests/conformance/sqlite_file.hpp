#pragma once
// The file that the suite uses, and others who have it open too.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server_process.hpp"

#include <filesystem>
#include <string>
#include <string_view>

struct sqlite3;

namespace coatcheck::conformance {

extern std::filesystem::path file; // what the suite uses

// While it lives, the suite uses this file. With no argument: data/sessions.db in a new folder, whose folder data
// is not there yet.
class file_in_folder {
public:
    file_in_folder();
    explicit file_in_folder(const std::filesystem::path& at);
    ~file_in_folder();
    file_in_folder(const file_in_folder&) = delete;
    file_in_folder& operator=(const file_in_folder&) = delete;

    const std::filesystem::path& folder() const noexcept { return folder_.path(); }

private:
    testing::temporary_folder folder_;
    std::filesystem::path before_;
};

// Somebody else at the file: another daemon, or an operator with the sqlite3 shell.
class shell {
public:
    shell();
    ~shell();
    shell(const shell&) = delete;
    shell& operator=(const shell&) = delete;

    // The first column of all rows.
    std::string operator()(const std::string& sql);

private:
    sqlite3* db_ = nullptr;
};

// " WHERE handle = …"
std::string where(const session_key& key);

// sqlite://<file>
std::string url();

// Why a backend is refused at start, or "opened".
std::string refusal_of(const std::string& at = url());

// Prints `text` if it does not contain `part`.
bool says(const std::string& text, std::string_view part);

std::string bytes_of(const std::filesystem::path& at);

} // namespace coatcheck::conformance
