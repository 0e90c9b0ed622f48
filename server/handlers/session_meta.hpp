#pragma once
// What is told of a session without its data.

#include "proto/record.hpp"
#include "proto/session_id.hpp"
#include "server/msgpack_writer.hpp"
#include "server/sessions.hpp"

namespace coatcheck {

// RFC 3339 in UTC with milliseconds; null for an end that there is not, and for what never was.
void write_time(msgpack_writer& w, std::string_view name, time_point t);

// The members of meta, of which there are so many; `size` is that of the data in bytes.
constexpr std::size_t meta_members = 12;
void write_meta(msgpack_writer& w, const sessions& store, const handle& name, const head& about, std::size_t size);

} // namespace coatcheck
