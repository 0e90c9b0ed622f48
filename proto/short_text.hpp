#pragma once
// Texts of a few bytes, for which calling libc's memcpy costs more than the copy.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace coatcheck {

// Every byte of a text of up to eight bytes, some of them twice.
inline std::uint64_t gather(std::string_view text) noexcept
{
    const char* const p = text.data();
    const std::size_t n = text.size();
    if (n >= 4) {
        std::uint32_t first;
        std::uint32_t last;
        std::memcpy(&first, p, 4);
        std::memcpy(&last, p + n - 4, 4);
        return std::uint64_t{first} << 32U | last;
    }
    if (n == 0)
        return 0;
    const auto at = [&](std::size_t i) { return std::uint64_t{static_cast<unsigned char>(p[i])}; };
    return at(0) << 16U | at(n / 2) << 8U | at(n - 1);
}

// memcpy.
inline void copy_bytes(char* to, const char* from, std::size_t n) noexcept
{
    if (n > 16) {
        std::memcpy(to, from, n);
    } else if (n >= 8) {
        std::uint64_t first;
        std::uint64_t last;
        std::memcpy(&first, from, 8);
        std::memcpy(&last, from + n - 8, 8);
        std::memcpy(to, &first, 8);
        std::memcpy(to + n - 8, &last, 8);
    } else if (n >= 4) {
        std::uint32_t first;
        std::uint32_t last;
        std::memcpy(&first, from, 4);
        std::memcpy(&last, from + n - 4, 4);
        std::memcpy(to, &first, 4);
        std::memcpy(to + n - 4, &last, 4);
    } else {
        for (std::size_t i = 0; i < n; ++i)
            to[i] = from[i];
    }
}

} // namespace coatcheck
