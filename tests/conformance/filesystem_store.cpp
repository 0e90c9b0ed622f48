#include "tests/conformance/filesystem_store.hpp"

#include <fstream>
#include <iterator>
#include <utility>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

fs::path folder; // what the suite uses

} // namespace

std::string store_url()
{
    static const testing::temporary_folder for_the_suite;
    if (folder.empty())
        folder = for_the_suite.path() / "sessions";
    return "file://" + folder.string();
}

std::optional<remote_store> remote()
{
    return std::nullopt;
}

store_in_folder::store_in_folder() : before_(std::exchange(folder, folder_.path() / "state" / "sessions")) {}

store_in_folder::store_in_folder(const fs::path& at) : before_(std::exchange(folder, at)) {}

store_in_folder::~store_in_folder()
{
    folder = before_;
}

const fs::path& store_in_folder::root() noexcept
{
    return folder;
}

fs::path file_of(const session_key& key)
{
    const std::string name(key.name.str());
    return folder / "sessions" / name.substr(0, 1) / name.substr(1, 1) / name;
}

std::string bytes_of(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator(in), {}};
}

void write_bytes(const fs::path& file, std::string_view bytes)
{
    std::ofstream(file, std::ios::binary) << bytes;
}

std::size_t count_files()
{
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder / "sessions"))
        count += entry.is_directory() ? 0 : 1;
    return count;
}

std::string refusal_of(const std::string& url)
{
    runtime threads{1};
    try {
        open_backend(url, threads);
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

bool before_long(const std::function<bool()>& done)
{
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
        if (std::chrono::steady_clock::now() > patience)
            return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload, precondition when, deadline by)
{
    const auto changes = plain_changes();
    return f.wait(f.store().put(key, changes, payload, when, f.now, by));
}

result<std::optional<record>> try_load(fixture& f, const session_key& key)
{
    return f.wait(f.store().load(key, soon()));
}

result<std::optional<head>> try_extend(fixture& f, const session_key& key, time_point now)
{
    return f.wait(f.store().extend(key, now, 10min, soon()));
}

result<std::optional<head>> try_end(fixture& f, const session_key& key)
{
    return f.wait(f.store().end(key, f.now, f.now + 60s, soon()));
}

std::string payload_in(fixture& f, const session_key& key)
{
    const auto held = try_load(f, key);
    REQUIRE(held.has_value());
    return *held ? (*held)->payload : "none";
}

} // namespace coatcheck::conformance
