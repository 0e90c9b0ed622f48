#pragma once
// What kind of file system a folder is on, and what that is worth.

#include "backends/backend.hpp"

#include <cstdint>
#include <filesystem>

namespace coatcheck::filesystem {

struct medium {
    kept_by conditional_writes = kept_by::store;
    bool durable = true;
    acknowledgement says;
};

// By the number that statfs(2) tells.
medium medium_of(std::uint32_t magic);

// Throws std::runtime_error.
medium medium_of(const std::filesystem::path& folder);

} // namespace coatcheck::filesystem
