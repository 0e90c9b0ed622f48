#include "backends/uwsgi/key_lanes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace coatcheck::uwsgi {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_queued = 4096; // calls of one lane

} // namespace

struct key_lanes::call : waiting_call {
    call(const handle& k, work w, executor from) : key(k), what(std::move(w)), caller(from) {}

    handle key;
    work what;
    executor caller;
    std::shared_ptr<waiters> waits_at;
    result<bool> outcome = failure{errc::internal, "not done"};

    static void finish(const std::shared_ptr<call>& done)
    {
        asio::post(done->caller, [done] { done->waits_at->finish(std::vector{done}); });
    }
};

// What belongs to one thread. Outlives the key_lanes in the coroutines that use it.
struct key_lanes::lane {
    explicit lane(executor e) : on(e) {}

    executor on;
    std::unordered_map<handle, std::deque<std::shared_ptr<call>>> queues; // each of a key that is being worked for
    std::size_t queued = 0;
};

key_lanes::key_lanes(runtime& threads) : threads_(threads)
{
    for (std::size_t i = 0; i < threads.threads(); ++i) {
        waiters_.push_back(std::make_shared<waiters>(threads.context(i)));
        lanes_.push_back(std::make_shared<lane>(threads.context(i).get_executor()));
    }
}

key_lanes::~key_lanes()
{
    for (const auto& each : waiters_)
        each->abandon();
}

awaitable<result<bool>> key_lanes::run(const handle& key, work what, deadline by)
{
    const auto here = runtime::this_thread();
    const auto next = std::make_shared<call>(key, std::move(what), threads_.context(here).get_executor());
    next->by = by;
    next->waits_at = waiters_[here];
    const auto& home = lanes_[std::hash<handle>()(key) % lanes_.size()];
    asio::post(home->on, [home, next] { submit(home, next); });
    if (auto late = co_await next->waits_at->wait(next))
        co_return *std::move(late);
    co_return std::move(next->outcome);
}

void key_lanes::submit(const std::shared_ptr<lane>& to, const std::shared_ptr<call>& next)
{
    if (to->queued >= max_queued) {
        next->outcome = failure{errc::unavailable, "too many writes wait for uWSGI"};
        call::finish(next);
        return;
    }
    ++to->queued;
    auto& queue = to->queues[next->key];
    queue.push_back(next);
    if (queue.size() > 1)
        return;
    asio::co_spawn(to->on, drain(to, next->key), [](const std::exception_ptr& e) {
        if (e)
            std::rethrow_exception(e);
    });
}

awaitable<void> key_lanes::drain(std::shared_ptr<lane> of, handle key)
{
    // References into the map stay valid while others are inserted and erased.
    auto& queue = of->queues.at(key);
    while (!queue.empty()) {
        const auto next = queue.front();
        if (next->by <= std::chrono::steady_clock::now())
            next->outcome = failure{errc::timed_out, "an earlier write of the session took until the deadline"};
        else
            next->outcome = co_await next->what();
        next->what = nullptr;
        call::finish(next);
        queue.pop_front();
        --of->queued;
    }
    of->queues.erase(key);
}

} // namespace coatcheck::uwsgi
