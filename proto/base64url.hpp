#pragma once
// base64url without padding (RFC 4648 §5).

#include <cstddef>
#include <span>
#include <string>

namespace coatcheck {

constexpr std::size_t base64url_length(std::size_t bytes) noexcept
{
    return (bytes * 4 + 2) / 3;
}

// Writes base64url_length(in.size()) characters to `out`.
void base64url_encode(std::span<const unsigned char> in, char* out) noexcept;

std::string base64url(std::span<const unsigned char> in);

bool is_base64url(char c) noexcept;

} // namespace coatcheck
