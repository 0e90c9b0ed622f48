#pragma once
// MessagePack's timestamp extension (type -1) and RFC 3339, which "$time" carries in JSON.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coatcheck {

constexpr std::int8_t timestamp_type = -1;

struct timestamp {
    std::int64_t seconds = 0;      // since 1970-01-01T00:00:00Z
    std::uint32_t nanoseconds = 0; // 0 to 999,999,999
    friend bool operator==(const timestamp&, const timestamp&) = default;
};

// The content of a timestamp extension: 4, 8 or 12 bytes. Nothing if it is none.
std::optional<timestamp> read_timestamp(std::string_view content) noexcept;

// Writes the shortest content that holds `t` to `out`; the number of bytes.
std::size_t write_timestamp(const timestamp& t, std::array<char, 12>& out) noexcept;

// RFC 3339 §5.6 with any offset and up to nine digits of a second's fraction, without leap seconds, which a timestamp
// cannot hold. Nothing if `text` is anything else.
std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept;

// Writes `t` in UTC to `out`, with 0, 3, 6 or 9 digits of a second's fraction; the number of characters, or 0 if the
// year is not one of 0 to 9999.
constexpr std::size_t rfc3339_max_length = sizeof("9999-12-31T23:59:59.999999999Z") - 1;
std::size_t write_rfc3339(const timestamp& t, char* out) noexcept;

} // namespace coatcheck
