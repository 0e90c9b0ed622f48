#pragma once
// Small real file systems, for tests of full disks.

#include "tests/support/temporary_folder.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace coatcheck::conformance {

// A tmpfs that only this thread, and what it starts from now on, can see. It takes root; false without, and then the
// whole run is a skip, unless a test failed.
class small_disk {
public:
    // `options` as mount(8) has them: "size=16m".
    explicit small_disk(const std::string& options);
    ~small_disk();
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    explicit operator bool() const noexcept { return mounted_; }
    const std::filesystem::path& folder() const noexcept { return mount_at_.path(); }

    void make_read_only() const;

    // Another's file, which takes all the room but `left` bytes.
    void fill_up_to(std::size_t left) const;
    void give_room() const;

private:
    testing::temporary_folder mount_at_;
    bool mounted_ = false;
};

} // namespace coatcheck::conformance
