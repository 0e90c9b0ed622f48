#include "backends/transport/blocking_lane.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <latch>
#include <vector>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

struct counted_connection {
    std::atomic<int>& alive;
    explicit counted_connection(std::atomic<int>& counter) : alive(counter) { ++alive; }
    ~counted_connection() { --alive; }
};

struct bench {
    bench(std::size_t lanes, std::size_t threads_of_callers)
        : threads(threads_of_callers),
          lane(std::in_place, threads, lanes, [this] { return std::make_unique<counted_connection>(alive); })
    {
        for (std::size_t i = 0; i < threads.threads(); ++i)
            running.emplace_back([this, i] {
                const auto work = boost::asio::make_work_guard(threads.context(i));
                threads.run(i);
            });
    }
    ~bench()
    {
        threads.stop();
        running.clear();
        lane.reset();
        CHECK(alive == 0);
    }

    std::future<result<int>> run(std::function<result<int>(counted_connection&)> work,
                                 std::chrono::milliseconds limit = 20s, std::size_t bytes = 0)
    {
        return boost::asio::co_spawn(threads.context(turn++ % threads.threads()).get_executor(),
                                     lane->run(std::move(work), std::chrono::steady_clock::now() + limit, bytes),
                                     boost::asio::use_future);
    }

    std::atomic<int> alive = 0;
    std::size_t turn = 0;
    runtime threads;
    std::optional<blocking_lane<counted_connection>> lane;
    std::vector<std::jthread> running;
};

} // namespace

TEST_CASE("a lane does the calls of all threads, as many at once as it has connections")
{
    bench b(2, 2);
    std::latch both(2); // passed only if two calls run at once
    auto first = b.run([&](auto&) -> result<int> {
        both.arrive_and_wait();
        return 1;
    });
    auto second = b.run([&](auto&) -> result<int> {
        both.arrive_and_wait();
        return 2;
    });
    CHECK(*first.get() == 1);
    CHECK(*second.get() == 2);
    CHECK(b.alive == 2);
    std::vector<std::future<result<int>>> many;
    for (int i = 0; i < 200; ++i)
        many.push_back(b.run([i](auto&) -> result<int> { return i; }));
    for (int i = 0; i < 200; ++i)
        CHECK(*many[static_cast<std::size_t>(i)].get() == i);
}

TEST_CASE("a caller whose deadline passes goes on, and what had not begun is never done")
{
    bench b(1, 1);
    std::promise<void> go;
    std::atomic<bool> begun = false;
    auto slow = b.run(
        [&, wait = go.get_future().share()](auto&) -> result<int> {
            wait.get();
            return 1;
        },
        50ms);
    auto behind = b.run(
        [&](auto&) -> result<int> {
            begun = true;
            return 2;
        },
        60ms);
    CHECK(slow.get().error().code == errc::timed_out);
    CHECK(behind.get().error().code == errc::timed_out);
    go.set_value();
    CHECK(*b.run([](auto&) -> result<int> { return 3; }).get() == 3);
    CHECK(!begun);
}

TEST_CASE("beyond its bound a lane refuses at once")
{
    bench b(1, 1);
    std::promise<void> go;
    std::vector<std::future<result<int>>> waiting;
    const auto wait = go.get_future().share();
    for (int i = 0; i < 1100; ++i)
        waiting.push_back(b.run([wait](auto&) -> result<int> {
            wait.get();
            return 1;
        }));
    // The last ones to come are refused before anything was done.
    const auto last = waiting.back().get();
    waiting.pop_back();
    REQUIRE(!last.has_value());
    CHECK(last.error().code == errc::unavailable);
    go.set_value();
    int refused = 1;
    for (auto& each : waiting)
        refused += each.get().has_value() ? 0 : 1;
    CHECK(refused >= 1100 - 1024 - 1);
    CHECK(refused <= 1100 - 1024);
}

TEST_CASE("a lane is bounded by the bytes that wait, too")
{
    bench b(1, 1);
    std::promise<void> go;
    std::vector<std::future<result<int>>> waiting;
    const auto wait = go.get_future().share();
    for (int i = 0; i < 10; ++i)
        waiting.push_back(b.run(
            [wait](auto&) -> result<int> {
                wait.get();
                return 1;
            },
            20s, std::size_t{16} << 20U));
    const auto last = waiting.back().get();
    waiting.pop_back();
    REQUIRE(!last.has_value());
    CHECK(last.error().code == errc::unavailable);
    go.set_value();
    int done = 0;
    for (auto& each : waiting)
        done += each.get().has_value() ? 1 : 0;
    CHECK(done >= 4); // of 16 MiB each; one more if the lane had begun before the last came
    CHECK(done <= 5);
}

} // namespace coatcheck
