#pragma once
// memory:// keeps sessions in the daemon's own memory: nothing to install, gone when the daemon ends.
//
// Parameters: `max` bounds the bytes that records may cost, bookkeeping included (default 256MiB, at least 1MiB);
// `evict=lru` lets a full store drop the session that was used longest ago; without it a full store refuses new ones.

#include "backends/backend.hpp"
#include "backends/url.hpp"

#include <memory>

namespace coatcheck {

// Throws std::invalid_argument for a URL that is wrong. `threads` must outlive the backend; what is past its keep_until
// is removed by a timer on its thread 0.
std::unique_ptr<backend> open_memory(const backend_url& url, runtime& threads);

// Throws std::invalid_argument for a URL that is wrong; there is nothing else to check.
void check_memory(const backend_url& url);

} // namespace coatcheck
