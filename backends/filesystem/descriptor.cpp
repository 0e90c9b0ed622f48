#include "backends/filesystem/descriptor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace coatcheck::filesystem {

descriptor::~descriptor()
{
    if (fd_ >= 0)
        ::close(fd_);
}

descriptor open_in(const descriptor& folder, const std::string& name, int flags, mode_t mode) noexcept
{
    for (;;) {
        descriptor opened(::openat(folder.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode));
        if (opened || errno != EINTR)
            return opened;
    }
}

descriptor open_folder_in(const descriptor& folder, const std::string& name) noexcept
{
    return open_in(folder, name, O_RDONLY | O_DIRECTORY);
}

bool write_all(const descriptor& to, std::string_view bytes) noexcept
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(to.get(), bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    return true;
}

bool sync(const descriptor& file_or_folder) noexcept
{
    int code = 0;
    do
        code = ::fsync(file_or_folder.get());
    while (code != 0 && errno == EINTR);
    return code == 0;
}

bool removed(const descriptor& file_or_folder) noexcept
{
    struct stat s{};
    return ::fstat(file_or_folder.get(), &s) == 0 && s.st_nlink == 0;
}

result<std::optional<std::string>> read_in(const descriptor& folder, const std::string& name, std::size_t most)
{
    const descriptor file = open_in(folder, name, O_RDONLY);
    if (!file && errno == ENOENT)
        return std::nullopt;
    if (!file && (errno == ELOOP || errno == ENXIO))
        return failure{errc::corrupt, "file: " + name + " is a symbolic link or a socket"};
    struct stat s{};
    if (!file || ::fstat(file.get(), &s) != 0)
        return failed("opening " + name, errno);
    if (!S_ISREG(s.st_mode))
        return failure{errc::corrupt, "file: " + name + " is not a regular file"};

    std::string bytes(std::min(most, static_cast<std::size_t>(s.st_size)), '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const ssize_t n = ::read(file.get(), bytes.data() + got, bytes.size() - got);
        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return failed("reading " + name, errno);
        got += static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    }
    bytes.resize(got);
    return std::optional(std::move(bytes));
}

failure failed(std::string_view doing, int error)
{
    const bool no_room = error == ENOSPC || error == EDQUOT;
    return {no_room ? errc::full : errc::unavailable,
            "file: " + std::string(doing) + ": " + std::generic_category().message(error)};
}

} // namespace coatcheck::filesystem
