#pragma once
// Small real file systems, for stores on disks that are full or cannot be written. They take root.

#include "tests/support/server_process.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace coatcheck::testing {

// A tmpfs of its own that only this thread sees, and those that it starts. Without the right to mount it is false, the
// test returns, and the run is a skip at its end unless another test failed.
class small_disk {
public:
    // As mount(8) has them: "size=16m".
    explicit small_disk(const std::string& options);
    ~small_disk();
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    explicit operator bool() const noexcept { return mounted_; }
    const std::filesystem::path& folder() const noexcept { return mount_at_.path(); }

    // False while a file is open for writing.
    bool try_make_read_only() const;
    void make_read_only() const;
    void make_writable() const;

    // Another's file, which takes all the room but `left` bytes.
    void fill_up_to(std::size_t left) const;
    void give_room() const { std::filesystem::remove(folder() / "other"); }

private:
    temporary_folder mount_at_;
    bool mounted_ = false;
};

} // namespace coatcheck::testing
