#pragma once
// SHA-256 (FIPS 180-4), by OpenSSL.

#include <array>
#include <string_view>

namespace coatcheck {

using sha256_digest = std::array<unsigned char, 32>;

// Thread safe. Throws std::runtime_error if OpenSSL cannot.
sha256_digest sha256(std::string_view text);

} // namespace coatcheck
