#pragma once
// File descriptors with owners, and calls on them that follow no symbolic link.

#include "proto/error.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace coatcheck::filesystem {

class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    ~descriptor();
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }

    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// Opens `name`, which is one component of a path, in `folder`. A symbolic link is not followed (ELOOP), and a FIFO does
// not block. On failure the descriptor is empty and errno says why.
descriptor open_in(const descriptor& folder, const std::string& name, int flags, mode_t mode = 0) noexcept;

// The same for a folder; ENOTDIR for anything else, a symbolic link included.
descriptor open_folder_in(const descriptor& folder, const std::string& name) noexcept;

// True if all is done; else errno says why.
bool write_all(const descriptor& to, std::string_view bytes) noexcept;
bool sync(const descriptor& file_or_folder) noexcept;

// True if the file or folder has no name any more.
bool removed(const descriptor& file_or_folder) noexcept;

// At most `most` bytes from the beginning of a regular file; nullopt if there is no such file; errc::corrupt for
// anything that is not a regular file.
result<std::optional<std::string>> read_in(const descriptor& folder, const std::string& name, std::size_t most);

// What `error`, an errno, means for a caller.
failure failed(std::string_view doing, int error);

} // namespace coatcheck::filesystem
