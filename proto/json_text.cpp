#include "proto/json_text.hpp"

#include "proto/base64.hpp"
#include "proto/utf8.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

namespace coatcheck {

namespace {

constexpr std::size_t longest_number = 32;

// The high bit of each byte that a JSON string cannot hold as it is, or that begins a character to be checked. Bytes
// above the lowest such byte may be marked wrongly.
std::uint64_t special_bytes(std::uint64_t eight) noexcept
{
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t high = 0x8080808080808080U;
    const std::uint64_t quote = eight ^ (ones * '"');
    const std::uint64_t backslash = eight ^ (ones * '\\');
    return ((eight - ones * 0x20) | (quote - ones) | (backslash - ones) | eight) & high;
}
static_assert(std::endian::native == std::endian::little, "special_bytes counts from the lowest byte");

// Copies the bytes that a JSON string holds as they are, up to the first other one or invalid UTF-8; how many they
// were.
std::size_t copy_plain(std::string_view from, char* to) noexcept
{
    std::size_t at = 0;
    while (at < from.size()) {
        if (from.size() - at >= 8) {
            std::uint64_t eight;
            std::memcpy(&eight, from.data() + at, 8);
            std::memcpy(to + at, &eight, 8);
            const std::uint64_t special = special_bytes(eight);
            if (special == 0) {
                at += 8;
                continue;
            }
            at += static_cast<std::size_t>(std::countr_zero(special)) / 8;
        }
        const auto c = static_cast<unsigned char>(from[at]);
        if (c >= 0x80) {
            const std::size_t n = utf8_char_length(from.substr(at));
            if (n == 0)
                return at;
            std::memcpy(to + at, from.data() + at, n);
            at += n;
        } else if (c < 0x20 || c == '"' || c == '\\') {
            return at;
        } else {
            to[at++] = static_cast<char>(c);
        }
    }
    return at;
}

} // namespace

json_text::json_text(std::string& out, std::size_t expected) : out_(out), base_(out.size())
{
    out_.resize(base_ + expected);
    at_ = out_.data() + base_;
    end_ = at_ + expected;
}

void json_text::finish()
{
    out_.resize(static_cast<std::size_t>(at_ - out_.data()));
}

void json_text::clear() noexcept
{
    at_ = out_.data() + base_;
}

void json_text::grow(std::size_t n)
{
    const auto used = static_cast<std::size_t>(at_ - out_.data());
    out_.resize(std::max(used + n, (used - base_) * 2 + base_));
    at_ = out_.data() + used;
    end_ = out_.data() + out_.size();
}

template <class Integer>
void json_text::put_integer(Integer value)
{
    char* const to = room(longest_number);
    at_ = std::to_chars(to, to + longest_number, value).ptr;
}

void json_text::integer(std::uint64_t value)
{
    put_integer(value);
}

void json_text::integer(std::int64_t value)
{
    put_integer(value);
}

void json_text::real(double value)
{
    char* const to = room(longest_number);
    at_ = std::to_chars(to, to + longest_number, value).ptr;
    if (std::find_if(to, at_, [](char c) { return c == '.' || c == 'e'; }) == at_)
        put(".0");
}

void json_text::base64(std::string_view bytes)
{
    const std::size_t length = base64_length(bytes.size());
    base64_encode(bytes, room(length + 1));
    at_ += length;
}

std::size_t json_text::string(std::string_view text, std::string_view prefix)
{
    constexpr std::string_view hex = "0123456789abcdef";
    constexpr std::string_view escaped = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    put('"');
    if (!prefix.empty())
        put(prefix);
    std::string_view left = text;
    for (;;) {
        const std::size_t plain = copy_plain(left, room(left.size()));
        at_ += plain;
        left.remove_prefix(plain);
        if (left.empty())
            break;
        const auto c = static_cast<unsigned char>(left.front());
        if (c >= 0x80)
            return text.size() - left.size();
        const std::size_t letter = escaped.find(static_cast<char>(c));
        if (letter != std::string_view::npos) {
            put('\\');
            put(letters[letter]);
        } else {
            put("\\u00");
            put(hex[c >> 4U]);
            put(hex[c & 15U]);
        }
        left.remove_prefix(1);
    }
    put('"');
    return text.size();
}

} // namespace coatcheck
