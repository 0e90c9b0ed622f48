#pragma once
// The log line of a request.

#include "server/request.hpp"
#include "server/response.hpp"

namespace coatcheck {

// Failures of the daemon or a backend, and records that cannot be read, as warnings, refused requests as information,
// the rest for debugging. `in` may be half-parsed.
void log_request(const request& in, const response& out);

} // namespace coatcheck
