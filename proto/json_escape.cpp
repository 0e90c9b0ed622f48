#include "proto/json_escape.hpp"

#include "proto/base64.hpp"
#include "proto/timestamp.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace coatcheck {

namespace {

std::optional<std::string_view> decode(std::string_view base64, std::string& scratch)
{
    scratch.resize(base64.size() / 4 * 3);
    const auto n = base64_decode(base64, scratch.data());
    if (!n)
        return std::nullopt;
    return std::string_view(scratch).substr(0, *n);
}

std::optional<double> parse_real(std::string_view text) noexcept
{
    using limits = std::numeric_limits<double>;
    if (text == "NaN")
        return limits::quiet_NaN();
    if (text == "Infinity")
        return limits::infinity();
    if (text == "-Infinity")
        return -limits::infinity();
    return std::nullopt;
}

} // namespace

std::optional<json_escape> find_json_escape(std::string_view key) noexcept
{
    using named = std::pair<std::string_view, json_escape>;
    static constexpr std::array<named, 5> escapes{{
        {"$bytes", json_escape::bytes},
        {"$time", json_escape::time},
        {"$float", json_escape::real},
        {"$ext", json_escape::ext},
        {"$map", json_escape::map},
    }};
    const auto* const found = std::ranges::find(escapes, key, &named::first);
    return found == escapes.end() ? std::nullopt : std::optional(found->second);
}

std::string_view write_escaped(json_escape what, std::string_view text, std::string& scratch, msgpack_builder& out)
{
    if (what == json_escape::bytes) {
        const auto bytes = decode(text, scratch);
        if (!bytes)
            return "$bytes takes base64 with padding";
        out.write_bin(*bytes);
    } else if (what == json_escape::time) {
        const auto time = parse_rfc3339(text);
        if (!time)
            return "$time takes an RFC 3339 time, of nanoseconds at most and without leap seconds";
        std::array<char, 12> content;
        out.write_ext(timestamp_type, {content.data(), write_timestamp(*time, content)});
    } else {
        const auto value = parse_real(text);
        if (!value)
            return "$float takes NaN, Infinity or -Infinity";
        out.write_real(*value);
    }
    return {};
}

bool write_escaped_ext(std::int8_t type, std::string_view base64, std::string& scratch, msgpack_builder& out)
{
    const auto bytes = decode(base64, scratch);
    if (bytes)
        out.write_ext(type, *bytes);
    return bytes.has_value();
}

} // namespace coatcheck
