#pragma once
// UTF-8 as RFC 3629 §4 defines it: neither overlong forms nor surrogates.

#include <cstddef>
#include <string_view>

namespace coatcheck {

// How many bytes of `text` are whole, valid characters from its beginning; all of them if it is valid.
std::size_t valid_utf8_prefix(std::string_view text) noexcept;

// The length of the valid character that `text` begins with, or 0 if there is none.
std::size_t utf8_char_length(std::string_view text) noexcept;

} // namespace coatcheck
