// What is done once, when a store is opened, and again when its folders have gone.

#include "backends/filesystem/folders.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace coatcheck::filesystem {

namespace {

namespace fs = std::filesystem;

constexpr const char* marker = "format";
constexpr std::string_view marker_text = "coatcheck sessions, format ";
constexpr int format = 1;
constexpr const char* sessions_name = "sessions";
constexpr const char* temporary_name = "tmp";
constexpr const char* locks_name = "locks";

[[noreturn]] void refuse(const fs::path& root, const std::string& why)
{
    throw std::runtime_error("file: " + root.string() + " " + why);
}

[[noreturn]] void fail(const std::string& what, const fs::path& at)
{
    throw std::runtime_error("file: cannot " + what + " " + at.string() + ": " +
                             std::generic_category().message(errno));
}

template <class T>
T value_or_throw(result<T> from)
{
    if (!from)
        throw std::runtime_error(from.error().detail);
    return std::move(*from);
}

// Operators may name a folder by way of symbolic links; below it there are none.
descriptor open_root(const fs::path& root) noexcept
{
    return descriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void make_root(const fs::path& root)
{
    if (fs::is_directory(root))
        return;
    make_root(root.parent_path());
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST)
        fail("make the folder", root);
    const descriptor above = open_root(root.parent_path());
    if (!above || !sync(above))
        fail("sync the folder", root.parent_path());
}

enum class holds : std::uint8_t { store, nothing };

// Throws for anything else.
holds look_into(const descriptor& root, const fs::path& at)
{
    struct stat s{};
    if (::fstat(root.get(), &s) != 0)
        fail("look at", at);
    if ((s.st_mode & S_IWOTH) != 0)
        refuse(at, "is everybody's to write: chmod o-w, or name a folder inside it, which is made");
    const auto text = value_or_throw(read_in(root, marker, 100));
    if (text) {
        int number = 0;
        const std::string_view rest = std::string_view(*text).substr(std::min(marker_text.size(), text->size()));
        if (!text->starts_with(marker_text) ||
            std::from_chars(rest.data(), rest.data() + rest.size(), number).ec != std::errc())
            refuse(at, "holds a file 'format' that is not coatcheckd's");
        if (number != format)
            refuse(at, "has format " + std::to_string(number) + ", and this release knows " + std::to_string(format));
        return holds::store;
    }
    // What a first start that did not get far leaves, and what a disk's own folder holds.
    constexpr std::array<std::string_view, 6> ours{".", "..", sessions_name, temporary_name, locks_name, "lost+found"};
    descriptor again = open_folder_in(root, ".");
    const std::unique_ptr<DIR, int (*)(DIR*)> list(again ? ::fdopendir(again.get()) : nullptr, &::closedir);
    if (!list)
        fail("list", at);
    again.release();
    while (const dirent* entry = ::readdir(list.get()))
        if (std::ranges::find(ours, entry->d_name) == ours.end())
            refuse(at, "holds other files, such as " + std::string(entry->d_name) +
                           "; name a folder that is empty, or is not there");
    return holds::nothing;
}

void need_to_write(const descriptor& root, const fs::path& at)
{
    if (::faccessat(root.get(), ".", W_OK | X_OK, AT_EACCESS) != 0)
        fail("write in the folder", at);
}

result<descriptor> make_folder(const descriptor& root, const char* name)
{
    descriptor found = open_folder_in(root, name);
    if (!found && errno == ENOENT) {
        if (::mkdirat(root.get(), name, 0700) != 0 && errno != EEXIST)
            return failed("making the folder " + std::string(name), errno);
        found = open_folder_in(root, name);
        if (found && !sync(root))
            return failed("syncing the folder above " + std::string(name), errno);
    }
    if (!found)
        return failed("opening the folder " + std::string(name), errno);
    return found;
}

} // namespace

void prepare(const fs::path& at)
{
    make_root(at);
    const descriptor root = open_root(at);
    if (!root)
        fail("open the folder", at);
    const holds what = look_into(root, at);
    need_to_write(root, at);
    if (what == holds::store) {
        if (!sync(root)) // another may have made it just now
            fail("sync the folder", at);
        return;
    }
    const descriptor temporary = value_or_throw(make_folder(root, temporary_name));
    value_or_throw(make_folder(root, sessions_name));
    temporary_file file(temporary);
    if (!file.file() || !write_all(file.file(), std::string(marker_text) + std::to_string(format) + "\n") ||
        !sync(file.file()) || !file.rename_to(root, marker) || !sync(root))
        fail("write", at / marker);
}

void examine(const fs::path& at)
{
    fs::path there = at;
    while (!fs::exists(there))
        there = there.parent_path();
    const descriptor root = open_root(there);
    if (!root)
        fail("open the folder", there);
    if (there == at)
        look_into(root, at);
    need_to_write(root, there);
}

result<folders> folders::open(const fs::path& at)
{
    descriptor root = open_root(at);
    if (!root)
        return failed("opening " + at.string(), errno);
    const auto marked = read_in(root, marker, marker_text.size());
    if (!marked)
        return marked.error();
    if (!*marked || **marked != marker_text)
        return failure{errc::unavailable, "file: " + at.string() + " is not a store any more: it has no file 'format'"};
    auto sessions = make_folder(root, sessions_name);
    if (!sessions)
        return sessions.error();
    auto temporary = make_folder(root, temporary_name);
    if (!temporary)
        return temporary.error();
    return folders{std::move(root), *std::move(sessions), *std::move(temporary)};
}

} // namespace coatcheck::filesystem
