#include "backends/mongodb/outage.hpp"

#include "proto/random.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace coatcheck::mongodb {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds first_pause = 25ms;
constexpr std::chrono::milliseconds longest_pause = 500ms;

std::chrono::milliseconds at_most(std::chrono::milliseconds pause)
{
    return std::chrono::milliseconds(random_uint64() % static_cast<std::uint64_t>(pause.count() + 1));
}

} // namespace

outage::outage(std::function<std::optional<absence>()> attempt)
    : attempt_(std::move(attempt)), trying_([this](const std::stop_token& stop) { try_until_stopped(stop); })
{}

outage::~outage()
{
    trying_.request_stop();
    trying_.join();
}

void outage::begins(absence what)
{
    {
        const std::lock_guard lock(mutex_);
        known_ = std::move(what);
    }
    changed_.notify_all();
}

std::optional<absence> outage::now() const
{
    const std::lock_guard lock(mutex_);
    return known_;
}

void outage::try_until_stopped(const std::stop_token& stop)
{
    const auto never = [] { return false; };
    auto pause = first_pause;
    for (std::unique_lock lock(mutex_);;) {
        if (!changed_.wait(lock, stop, [this] { return known_.has_value(); }))
            return;
        changed_.wait_for(lock, stop, at_most(pause), never);
        if (stop.stop_requested())
            return;
        lock.unlock();
        auto still = attempt_();
        lock.lock();
        pause = still ? std::min(pause * 2, longest_pause) : first_pause;
        known_ = std::move(still);
    }
}

} // namespace coatcheck::mongodb
