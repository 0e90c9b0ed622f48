#include "backends/filesystem/locks.hpp"

#include <fcntl.h>

#include <cerrno>

namespace coatcheck::filesystem {

lock_place place_of(const handle& name) noexcept
{
    constexpr std::size_t characters = 9; // of seven bits each: as many as a place has
    lock_place at = 0;
    for (const char c : name.str().substr(0, characters))
        at = (at << 7) | c;
    return at;
}

// Open file description locks: they hold between threads, and closing another descriptor of the file drops none.
result<std::optional<held_lock>> try_lock(const descriptor& root, lock_place at)
{
    descriptor file = open_in(root, "locks", O_RDWR | O_CREAT, 0600);
    if (!file)
        return failed("opening the file of locks", errno);
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = at;
    range.l_len = 1;
    if (::fcntl(file.get(), F_OFD_SETLK, &range) == 0)
        return std::optional(held_lock(std::move(file)));
    if (errno == EAGAIN || errno == EACCES)
        return std::nullopt;
    return failed("locking", errno);
}

} // namespace coatcheck::filesystem
