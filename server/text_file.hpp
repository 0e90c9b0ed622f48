#pragma once
// Small files that the configuration names: secrets and token lists.

#include <string>

namespace coatcheck {

// All of it. Throws std::runtime_error with the path and the system's reason.
std::string read_text_file(const std::string& path);

// The same without the line end that an editor or `echo` leaves: for a secret that fills the file.
std::string read_secret_file(const std::string& path);

} // namespace coatcheck
