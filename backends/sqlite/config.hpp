#pragma once
// What a sqlite:// URL says, and the file it names.

#include "backends/url.hpp"

#include <filesystem>

namespace coatcheck::sqlite {

struct config {
    std::filesystem::path file; // absolute
    bool durable = true;        // synchronous=full: an acknowledged write survives a power cut
};

// Throws std::invalid_argument with a sentence for the operator.
config parse(const backend_url& url);

// Makes the file (mode 0600) and its folder (0700) if they are not there; the folder's parent must be. Throws
// std::runtime_error with a sentence for the operator, also if they are there and cannot be written.
void make_file(const std::filesystem::path& file);

// Throws std::runtime_error if `file` is a folder.
void refuse_folder(const std::filesystem::path& file);

} // namespace coatcheck::sqlite
