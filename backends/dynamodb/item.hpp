#pragma once
// A record as an item of a table, without I/O.

#include "proto/error.hpp"
#include "proto/record.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

constexpr std::size_t max_item = std::size_t{400} << 10;               // DynamoDB's, names and values
constexpr std::size_t max_payload = max_item - (std::size_t{3} << 10); // with the largest head there can be

// The attributes of the head that are numbers, and expires_at.
struct number_attribute {
    std::string_view name;
    std::uint64_t value;
};
std::array<number_attribute, 13> numbers_of(const head& about);

// `,"NAME":{"N":"VALUE"}` and the like; base64 for bytes. The names need no escaping.
void append_number(std::string& out, std::string_view name, std::uint64_t value);
void append_bytes(std::string& out, std::string_view name, std::string_view value);

// When DynamoDB may remove it: whole seconds, never before the record's keep_until.
std::uint64_t expires_at(time_point keep_until);

// The names in a head.
constexpr std::string_view head_attributes = "record_format,kind,revision,data_version,created,last_seen,expires,"
                                             "absolute_end,keep_until,idle,lock_token,locked_until,subject,label";

// errc::newer_format and errc::corrupt are what an item is, as decode_head has them.
result<head> head_of(const boost::json::object& item);

// errc::corrupt if there is something that is no payload.
result<std::string> payload_of(const boost::json::object& item);

// That of the item, 0 if it has none that can be read.
std::uint64_t revision_of(const boost::json::object& item);

} // namespace coatcheck::dynamodb
