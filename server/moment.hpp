#pragma once
// Moments as callers write them.

#include "proto/record.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// RFC 3339. Sessions know the millisecond of their creation: what is asked for within one holds for all of it. Nothing
// if `text` is something else.
std::optional<time_point> parse_moment(std::string_view text);

// RFC 3339 in UTC, with the milliseconds if there are any.
std::string in_rfc3339(time_point t);

} // namespace coatcheck
