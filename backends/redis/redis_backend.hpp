#pragma once
// Sessions in Redis, one string a session.

#include "backends/backend.hpp"
#include "backends/url.hpp"

#include <memory>

namespace coatcheck {

// For redis://, rediss:// and redis+unix:// (README.md). Begins to connect on each of `threads`, which must outlive the
// backend; destroy the backend only when none of them runs. Throws std::invalid_argument for a URL that is wrong or TLS
// files that cannot be used.
std::unique_ptr<backend> open_redis(const backend_url& url, runtime& threads);

// What can be checked without a server: the URL and the TLS files. Throws like open_redis.
void check_redis(const backend_url& url);

} // namespace coatcheck
