#pragma once
// The bytes of a session's file: the record (proto/record.hpp) behind a frame that tells whether all of it is there.
//
//   0  "CCF"   3  the frame's format, 1   4  CRC-32 of all that follows   8  the record's length in bytes   16  the
//   record
//
// Integers are big endian. What comes after the record is ignored.

#include "proto/record.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace coatcheck::filesystem {

constexpr std::size_t max_payload = std::size_t{64} << 20U; // bytes

// The beginning of a file that holds the frame and the longest head.
constexpr std::size_t longest_head = 4096;
constexpr std::size_t longest_file = longest_head + max_payload;

std::string encode_file(const head& about, std::string_view payload);

// Fails with errc::newer_format for a format that a later release wrote, with errc::corrupt for anything else that is
// not a whole record.
result<record> decode_file(std::string_view bytes);

// When the record may be forgotten, if `beginning`, a file's first bytes, looks like that of one. Not verified: only
// decode_file is.
result<time_point> keep_until_in(std::string_view beginning);

} // namespace coatcheck::filesystem
