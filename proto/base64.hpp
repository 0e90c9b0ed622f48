#pragma once
// base64 with padding (RFC 4648 §4), as "$bytes" and "$ext" carry it in JSON.

#include <cstddef>
#include <optional>
#include <string_view>

namespace coatcheck {

constexpr std::size_t base64_length(std::size_t bytes) noexcept
{
    return (bytes + 2) / 3 * 4;
}

// Writes base64_length(in.size()) characters and a NUL to `out`. At most 1 GiB.
void base64_encode(std::string_view in, char* out) noexcept;

// Decodes at most 1 GiB into `out`, which has room for text.size() / 4 * 3 bytes, and says how many of them count;
// nothing if `text` is not base64, padded and without line breaks.
std::optional<std::size_t> base64_decode(std::string_view text, char* out) noexcept;

} // namespace coatcheck
