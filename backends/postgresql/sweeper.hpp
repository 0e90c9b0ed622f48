#pragma once
// Removes what is past its keep_until.

#include "backends/postgresql/pool.hpp"

#include <memory>

namespace coatcheck::postgresql {

// Begins to sweep, about once in the pool's `sweep`, by small batches, until the pool is gone. Daemons take turns: who
// finds another at it leaves it to that one.
void start_sweeper(const std::shared_ptr<pool>& over, runtime& threads);

} // namespace coatcheck::postgresql
