#pragma once
// Short forms for the tests of the codecs.

#include "proto/json_msgpack.hpp"

#include <cstddef>
#include <doctest/doctest.h>
#include <string>
#include <string_view>

namespace coatcheck::test {

using conversion = data_result<void> (*)(std::string_view, const data_limits&, std::string&);

// The bytes that hexadecimal digits spell; spaces and dashes between them do not matter.
inline std::string from_hex(std::string_view digits)
{
    std::string out;
    std::string pair;
    for (const char c : digits) {
        if (c == ' ' || c == '-')
            continue;
        pair += c;
        if (pair.size() == 2) {
            out += static_cast<char>(std::stoi(pair, nullptr, 16));
            pair.clear();
        }
    }
    return out;
}

inline std::string to_hex(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (!out.empty())
            out += ' ';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

// What `convert` makes of `in`, which it must accept.
inline std::string converted(conversion convert, std::string_view in, const data_limits& limits = {})
{
    std::string out;
    const auto done = convert(in, limits, out);
    INFO("reason: ", done ? std::string() : std::string(done.error().reason));
    REQUIRE(done.has_value());
    return out;
}

// Why `convert` refuses `in`, which it must.
inline data_error refused(conversion convert, std::string_view in, const data_limits& limits = {})
{
    std::string out;
    const auto done = convert(in, limits, out);
    REQUIRE(done.has_error());
    CHECK(done.error().offset <= in.size());
    CHECK_FALSE(done.error().reason.empty());
    return done.error();
}

// The MessagePack of {"v": json} behind its "v".
inline std::string packed(std::string_view json)
{
    const std::string all = converted(json_to_msgpack, "{\"v\":" + std::string(json) + "}", {.bytes = 16U << 20U});
    REQUIRE(all.starts_with("\x81\xa1v"));
    return all.substr(3);
}

// The JSON of a value in MessagePack.
inline std::string unpacked(std::string_view msgpack)
{
    const std::string all = converted(msgpack_to_json, "\x81\xa1v" + std::string(msgpack));
    REQUIRE(all.starts_with("{\"v\":"));
    return all.substr(5, all.size() - 6);
}

inline std::string repeated(std::string_view text, std::size_t times)
{
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
        out += text;
    return out;
}

} // namespace coatcheck::test
