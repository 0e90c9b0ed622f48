#pragma once
// AES-256-GCM (NIST SP 800-38D), by OpenSSL. Safe from any thread; throws std::runtime_error if OpenSSL cannot.

#include "proto/sha256.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::aes_256_gcm {

constexpr std::size_t nonce_size = 12; // bytes
constexpr std::size_t tag_size = 16;

// Writes the ciphertext, which is as long as `plain`, and the tag behind it to `out`. `nonce` is never used again with
// this key; `bound_to` is the associated data.
void encrypt(const sha256_digest& key, std::string_view nonce, std::string_view bound_to, std::string_view plain,
             char* out);

// What encrypt() made of the plain text, which is that text; nothing if anything was changed. `sealed` has a tag at
// least.
std::optional<std::string> decrypt(const sha256_digest& key, std::string_view nonce, std::string_view bound_to,
                                   std::string_view sealed);

} // namespace coatcheck::aes_256_gcm
