#pragma once
// A runtime of one thread that runs.

#include "backends/transport/runtime.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace coatcheck {

class running {
public:
    running()
        : thread_([this] {
              const auto work = boost::asio::make_work_guard(threads_.context(0));
              threads_.run(0);
          })
    {}
    ~running() { stop(); }

    runtime& threads() noexcept { return threads_; }

    void stop()
    {
        threads_.stop();
        if (thread_.joinable())
            thread_.join();
    }

    std::future<void> start(awaitable<void> op)
    {
        std::promise<void> done;
        auto end = done.get_future();
        boost::asio::co_spawn(threads_.context(0).get_executor(), std::move(op),
                              [done = std::move(done)](const std::exception_ptr&) mutable { done.set_value(); });
        return end;
    }

    template <class T>
    T wait(awaitable<T> op)
    {
        std::optional<T> answer;
        start([](awaitable<T> from, std::optional<T>& to) -> awaitable<void> {
            to.emplace(co_await std::move(from));
        }(std::move(op), answer))
            .wait();
        return *std::move(answer);
    }

private:
    runtime threads_{1};
    std::jthread thread_;
};

} // namespace coatcheck
