#pragma once
// Locks between threads and processes, on ranges of one file. The kernel takes them back from a process that dies.

#include "backends/filesystem/descriptor.hpp"
#include "proto/session_id.hpp"

#include <optional>

namespace coatcheck::filesystem {

// A byte of the file, whose length does not matter.
using lock_place = off_t;

constexpr lock_place sweepers_place = 0;

// Never the sweepers'. Two handles share one only if they begin alike.
lock_place place_of(const handle& name) noexcept;

// Who holds it has the lock. The file is open no longer than that: nobody could make a file system read-only otherwise.
class held_lock {
public:
    explicit held_lock(descriptor file) noexcept : file_(std::move(file)) {}

private:
    descriptor file_;
};

// nullopt if somebody else has it. `root` is the store's.
result<std::optional<held_lock>> try_lock(const descriptor& root, lock_place at);

} // namespace coatcheck::filesystem
