#include "backends/memcached/expiry.hpp"

#include <limits>

namespace coatcheck::memcached {

using namespace std::chrono_literals;

std::uint32_t exptime_of(time_point keep_until, time_point now) noexcept
{
    constexpr std::uint32_t for_ever = 0;
    constexpr std::chrono::seconds longest_duration = std::chrono::days(30);
    if (keep_until <= now)
        return 1;
    // One more than rounded up: memcached's clock is up to a second behind its last tick.
    const auto left = std::chrono::ceil<std::chrono::seconds>(keep_until - now) + 1s;
    if (left <= longest_duration)
        return static_cast<std::uint32_t>(left.count());
    const auto at = std::chrono::ceil<std::chrono::seconds>(keep_until.time_since_epoch()) + 1s;
    if (at.count() > std::numeric_limits<std::int32_t>::max())
        return for_ever;
    return static_cast<std::uint32_t>(at.count());
}

} // namespace coatcheck::memcached
