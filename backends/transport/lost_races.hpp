#pragma once
// What becomes of those who read, change and swap, when others were faster.

#include "proto/error.hpp"

#include <algorithm>
#include <chrono>

namespace coatcheck {

// The longest pause before the attempt after `lost` lost ones: many writers of one session would else keep the server
// busy with attempts of which one succeeds.
constexpr std::chrono::milliseconds longest_pause(unsigned lost) noexcept
{
    constexpr unsigned most_doublings = 5;
    return std::chrono::milliseconds(lost < 2 ? 0 : 1 << std::min(lost - 1, most_doublings));
}

inline failure too_many_lost()
{
    return {errc::timed_out, "others kept changing the session until the deadline"};
}

} // namespace coatcheck
