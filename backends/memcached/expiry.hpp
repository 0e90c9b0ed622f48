#pragma once
// When memcached forgets an item.

#include "proto/record.hpp"

#include <cstdint>

namespace coatcheck::memcached {

// The lifetime, in memcached's words, of an item that has to be there until `keep_until`; `now` is the system clock's.
// memcached counts whole seconds, so it may keep the item up to two seconds longer. Up to 30 days are sent as a
// duration, which does not depend on the server's clock; more can only be said as a time of that clock; what 32 bits
// cannot say is kept for ever. A time that has passed is one second: 0 would be for ever.
std::uint32_t exptime_of(time_point keep_until, time_point now) noexcept;

} // namespace coatcheck::memcached
