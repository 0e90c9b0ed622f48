#pragma once
// A record as a document of the collection: the head in fields that an operator can read, then the payload. Without
// I/O.

#include "backends/mongodb/bson_document.hpp"
#include "proto/record.hpp"

#include <string>
#include <string_view>

namespace coatcheck::mongodb {

// The largest payload: a document has 16 MiB, of which the head takes at most this.
constexpr std::size_t room_for_head = std::size_t{4} << 10U;
constexpr std::size_t max_payload = (std::size_t{16} << 20U) - room_for_head;

// The fields of the head, without _id. No time is before 1970 or after `never`.
void add_head(bson_document& to, const head& about);

// The whole document of the session that `name` names.
void add_record(bson_document& to, std::string_view name, const head& about, std::string_view payload);

// Only the document that is as it was read. One that is no record, or of a later release, is found by its name alone:
// nothing but the end of its session changes it.
void add_filter(bson_document& to, std::string_view name, const result<head>& as_read);

// Fails with errc::newer_format for what a later release wrote, with errc::corrupt for what is no record.
result<head> read_head(const bson_t& from);
result<std::string> read_payload(const bson_t& from);

} // namespace coatcheck::mongodb
