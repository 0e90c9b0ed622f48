#pragma once
// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869), by OpenSSL. All are thread safe and throw
// std::runtime_error if OpenSSL cannot.

#include <array>
#include <string_view>

namespace coatcheck {

using sha256_digest = std::array<unsigned char, 32>;

sha256_digest sha256(std::string_view text);

sha256_digest hmac_sha256(std::string_view key, std::string_view text);

// What HKDF-Expand takes; the result is as secret as `key_material`.
sha256_digest hkdf_extract(std::string_view salt, std::string_view key_material);

// The first 32 bytes that HKDF-Expand makes, and so any shorter output too. `info` has at most 255 bytes.
sha256_digest hkdf_expand(const sha256_digest& extracted, std::string_view info);

} // namespace coatcheck
