#pragma once
// A look at some of a store's files, for --check.

#include <filesystem>

namespace coatcheck::filesystem {

// Throws std::runtime_error that names a file which holds no session, if there is one among the first that are found.
// Passes if there is no store.
void check_sample(const std::filesystem::path& root);

} // namespace coatcheck::filesystem
