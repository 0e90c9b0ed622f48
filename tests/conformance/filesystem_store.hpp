#pragma once
// The folder that the suite uses, and who else is at its files.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/temporary_folder.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace coatcheck::conformance {

// While it lives, the suite uses this folder. With no argument: state/sessions in a new folder, whose folder state is
// not there yet.
class store_in_folder {
public:
    store_in_folder();
    explicit store_in_folder(const std::filesystem::path& at);
    ~store_in_folder();
    store_in_folder(const store_in_folder&) = delete;
    store_in_folder& operator=(const store_in_folder&) = delete;

    // The temporary folder around it.
    const std::filesystem::path& around() const noexcept { return folder_.path(); }
    static const std::filesystem::path& root() noexcept;

private:
    testing::temporary_folder folder_;
    std::filesystem::path before_;
};

std::filesystem::path file_of(const session_key& key);

std::string bytes_of(const std::filesystem::path& file);
void write_bytes(const std::filesystem::path& file, std::string_view bytes);

// How many of the sessions' files there are.
std::size_t count_files();

// Why a backend is refused at start, or "opened".
std::string refusal_of(const std::string& url = store_url());

// Prints `text` if it does not contain `part`.
bool says(const std::string& text, std::string_view part);

// True as soon as `done` is, false after 20 s.
bool before_long(const std::function<bool()>& done);

// On the store alone, without the reference.
result<write> try_put(fixture& f, const session_key& key, std::string_view payload,
                      precondition when = precondition::none(), deadline by = soon());
result<std::optional<record>> try_load(fixture& f, const session_key& key);
result<std::optional<head>> try_extend(fixture& f, const session_key& key, time_point now);
result<std::optional<head>> try_end(fixture& f, const session_key& key);

// The payload that the store has, or "none".
std::string payload_in(fixture& f, const session_key& key);

} // namespace coatcheck::conformance
