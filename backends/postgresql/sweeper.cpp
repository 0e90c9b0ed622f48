#include "backends/postgresql/sweeper.hpp"

#include "backends/postgresql/rows.hpp"
#include "backends/transport/stream.hpp"
#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace coatcheck::postgresql {

namespace {

using namespace std::chrono_literals;

constexpr int batch = 200; // rows: some milliseconds in which those who share the connection wait
constexpr auto between_batches = 50ms;
constexpr auto patience = 10s;

std::chrono::milliseconds at_random(std::chrono::milliseconds least, std::chrono::milliseconds most)
{
    const auto range = static_cast<std::uint64_t>((most - least).count() + 1);
    return least + std::chrono::milliseconds(random_uint64() % range);
}

// Owns what it uses: it outlives its caller, and the pool may end before it.
awaitable<void> sweep(std::weak_ptr<pool> weak, std::shared_ptr<steady_timer> timer, std::chrono::milliseconds period)
{
    // Daemons that were started together do not sweep together.
    for (auto wait = at_random(0ms, period);;) {
        timer->expires_after(wait);
        const auto [cancelled] = co_await timer->async_wait(as_result);
        const auto over = weak.lock();
        if (cancelled || !over)
            co_return;
        const auto now = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
        const auto swept = co_await over->run(over->sql().sweep, sweep_parameters(now, batch), effect::writes,
                                              std::chrono::steady_clock::now() + patience);
        const bool more = swept && changed_by(swept->get()) == batch;
        wait = more ? between_batches : at_random(period / 2, period * 3 / 2);
    }
}

} // namespace

void start_sweeper(const std::shared_ptr<pool>& over, runtime& threads)
{
    const auto period = over->settings().sweep;
    if (period == 0ms)
        return;
    const auto on = threads.context(0).get_executor();
    boost::asio::co_spawn(on, sweep(over, std::make_shared<steady_timer>(on), period), boost::asio::detached);
}

} // namespace coatcheck::postgresql
