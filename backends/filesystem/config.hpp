#pragma once
// What a file:// URL says.

#include "backends/url.hpp"

#include <filesystem>

namespace coatcheck::filesystem {

struct config {
    std::filesystem::path folder; // absolute, without a slash at its end
};

// Throws std::invalid_argument with a sentence for the operator.
config parse(const backend_url& url);

} // namespace coatcheck::filesystem
