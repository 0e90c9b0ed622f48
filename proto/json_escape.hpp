#pragma once
// The objects that stand for what JSON has no value for: {"$bytes":"AP8="} and so on (proto/README.md, "The JSON
// view").

#include "proto/msgpack_builder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

enum class json_escape : std::uint8_t { bytes, time, real, ext, map };

// The escape that a key names; it begins with one $.
std::optional<json_escape> find_json_escape(std::string_view key) noexcept;

// Writes what the string of $bytes, $time or $float stands for. Returns why it does not, and nothing if it does.
// `scratch` is working memory.
std::string_view write_escaped(json_escape what, std::string_view text, std::string& scratch, msgpack_builder& out);

// Writes the extension whose bytes `base64` spells; false if it does not.
bool write_escaped_ext(std::int8_t type, std::string_view base64, std::string& scratch, msgpack_builder& out);

} // namespace coatcheck
