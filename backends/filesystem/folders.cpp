#include "backends/filesystem/folders.hpp"

#include "proto/random.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>

namespace coatcheck::filesystem {

namespace {

constexpr std::string_view temporary_prefix = "new-";

// Empty, with no error, if there is none.
result<descriptor> find_folder(const descriptor& in, const std::string& name)
{
    descriptor found = open_folder_in(in, name);
    if (!found && errno != ENOENT)
        return failed("opening the folder " + name, errno);
    return found;
}

result<descriptor> make_folder(const descriptor& in, const std::string& name, std::atomic<bool>& synced)
{
    auto found = find_folder(in, name);
    if (!found)
        return found.error();
    if (!*found) {
        if (::mkdirat(in.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
            return failed("making the folder " + name, errno);
        synced = false;
        *found = open_folder_in(in, name);
        if (!*found)
            return failed("opening the folder " + name, errno);
    }
    // Who finds a folder that another made does not know whether that one has synced it yet.
    if (!synced) {
        if (!sync(in))
            return failed("syncing the folder above " + name, errno);
        synced = true;
    }
    return found;
}

} // namespace

result<descriptor> find_leaf(const descriptor& sessions, const handle& name)
{
    auto first = find_folder(sessions, {name.str()[0]});
    if (!first || !*first)
        return first;
    return find_folder(*first, {name.str()[1]});
}

result<descriptor> make_leaf(const descriptor& sessions, const handle& name, synced_folders& known)
{
    const auto first = make_folder(sessions, {name.str()[0]}, known.first(name));
    if (!first)
        return first.error();
    return make_folder(*first, {name.str()[1]}, known.second(name));
}

// A random name, since process numbers are not unique where containers share a folder.
// The process too, since one that forked has the same random numbers to come.
temporary_file::temporary_file(const descriptor& temporary)
    : folder_(temporary),
      name_(std::string(temporary_prefix) + std::to_string(::getpid()) + "-" + std::to_string(random_uint64())),
      file_(open_in(temporary, name_, O_WRONLY | O_CREAT | O_EXCL, 0600))
{}

temporary_file::~temporary_file()
{
    if (file_ && !name_.empty())
        ::unlinkat(folder_.get(), name_.c_str(), 0);
}

bool temporary_file::rename_to(const descriptor& folder, const std::string& name) noexcept
{
    if (::renameat(folder_.get(), name_.c_str(), folder.get(), name.c_str()) != 0)
        return false;
    name_.clear();
    return true;
}

void remove_leftovers(const descriptor& temporary, std::chrono::seconds age)
{
    descriptor again = open_folder_in(temporary, ".");
    const std::unique_ptr<DIR, int (*)(DIR*)> list(again ? ::fdopendir(again.get()) : nullptr, &::closedir);
    if (!list)
        return;
    again.release();
    const auto oldest = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - age);
    while (const dirent* entry = ::readdir(list.get())) {
        struct stat s{};
        if (std::string_view(entry->d_name).starts_with(temporary_prefix) &&
            ::fstatat(temporary.get(), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 && s.st_mtime < oldest)
            ::unlinkat(temporary.get(), entry->d_name, 0);
    }
}

bool folders::stale() const noexcept
{
    return removed(root) || removed(sessions) || removed(temporary);
}

} // namespace coatcheck::filesystem
