#pragma once
// Errors as bodies: application/problem+json (RFC 9457).

#include "proto/error.hpp"
#include "server/response.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace coatcheck {

// A member beside the standard ones: `limit`, `etag`, `offset`.
struct problem_member {
    std::string_view name;
    std::variant<std::int64_t, std::string_view> value;
};

// 64 random bits as 16 hexadecimal digits.
std::string make_request_id();

// Makes `r` the answer to an error. `detail` is a sentence for the caller: what was wrong and what would be right,
// never a backend's words, an id or data. Keeps what `r` says of the session and the connection.
void set_problem(response& r, errc code, std::string_view detail, std::initializer_list<problem_member> more = {});

// The same for a failure of a store, whose own words go to the log.
void set_problem(response& r, const failure& f);

} // namespace coatcheck
