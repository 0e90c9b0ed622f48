#pragma once
// What memcached's refusals mean to us.

#include "backends/memcached/command.hpp"
#include "proto/error.hpp"

namespace coatcheck::memcached {

// The failure that `r` stands for, where `r` is not among the answers that `what` counts on.
failure failure_of(const reply& r, command::verb what);

} // namespace coatcheck::memcached
