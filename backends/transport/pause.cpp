#include "backends/transport/pause.hpp"

#include "backends/transport/stream.hpp"
#include "backends/transport/time_limit.hpp"
#include "proto/random.hpp"

#include <boost/asio/this_coro.hpp>

namespace coatcheck {

awaitable<bool> pause_at_most(std::chrono::milliseconds most, deadline by)
{
    const auto ms = random_uint64() % static_cast<std::uint64_t>(most.count() + 1);
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    if (until >= by)
        co_return false;
    if (ms != 0) {
        steady_timer timer(co_await boost::asio::this_coro::executor, until);
        const auto [ec] = co_await timer.async_wait(as_result);
        static_cast<void>(ec);
    }
    co_return true;
}

} // namespace coatcheck
