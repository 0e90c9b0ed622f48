#include "backends/mongodb/outage.hpp"

#include "proto/random.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck::mongodb {

namespace {

using namespace std::chrono_literals;

constexpr auto first_pause = 25ms;
constexpr auto longest_pause = 500ms;
constexpr auto longest_attempt = 15s; // whose outcome nobody has said by then is forgotten

} // namespace

bool outage::may_try(clock::time_point now)
{
    const std::lock_guard lock(mutex_);
    if (!known_)
        return true;
    if (now < next_)
        return false;
    next_ = now + longest_attempt;
    return true;
}

void outage::failed(clock::time_point now, std::string why)
{
    const std::lock_guard lock(mutex_);
    pause_ = known_ ? std::min<std::chrono::milliseconds>(pause_ * 2, longest_pause) : first_pause;
    known_ = true;
    next_ = now + std::chrono::milliseconds(random_uint64() % static_cast<std::uint64_t>(pause_.count() + 1));
    why_ = std::move(why);
}

void outage::over()
{
    const std::lock_guard lock(mutex_);
    known_ = false;
}

std::string outage::why() const
{
    const std::lock_guard lock(mutex_);
    return why_;
}

} // namespace coatcheck::mongodb
