#pragma once
// Waits, for those who try again.

#include "backends/transport/runtime.hpp"

#include <chrono>

namespace coatcheck {

// Waits for a random time up to `most` ("full jitter", so that those who failed together do not come back together).
// False if `by` has passed or would pass meanwhile, without waiting for it.
awaitable<bool> pause_at_most(std::chrono::milliseconds most, deadline by);

} // namespace coatcheck
