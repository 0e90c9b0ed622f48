#pragma once
// A record as a row: the values of its columns, both ways.

#include "proto/record.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace coatcheck::mysql {

// The two kinds of strings are compared in different ways: an index of text is no help in finding bytes.
struct text {
    std::string_view value;
};
struct bytes {
    std::string_view value;
};

// A parameter of a statement. Views its string.
using parameter = std::variant<std::uint64_t, text, bytes>;

// A row of a result: the numbers first, then the strings.
struct row {
    std::vector<std::uint64_t> numbers;
    std::vector<std::string> strings;
};

// How many of each a result has.
struct shape {
    std::size_t numbers;
    std::size_t strings;
};
constexpr shape head_shape{13, 2};
constexpr shape record_shape{13, 3};

// Appends the head's columns (statements.hpp) to `to`, whose views are of `about`.
void append_head(std::vector<parameter>& to, const head& about, std::uint64_t stamp);

// Whatever the row holds: what a write tests.
std::uint64_t stamp_of(const row& r) noexcept;

// Fails with errc::newer_format for what a later release wrote, with errc::corrupt for anything else that is no head.
result<head> head_of(row& r);

} // namespace coatcheck::mysql
