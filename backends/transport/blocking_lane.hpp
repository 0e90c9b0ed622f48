#pragma once
// Threads for clients that block: each has a connection of its own, and does one call at a time.

#include "backends/transport/waiters.hpp"

#include <boost/asio/post.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coatcheck {

// `Connection` is made in its thread, used there alone and destroyed there; it makes its own connection to the server,
// and makes it anew when it broke, inside the calls.
template <class Connection>
class blocking_lane {
public:
    // `make` is called once in each of `lanes` threads. `threads` must outlive the lane.
    blocking_lane(runtime& threads, std::size_t lanes, std::function<std::unique_ptr<Connection>()> make)
        : threads_(threads)
    {
        for (std::size_t i = 0; i < threads.threads(); ++i)
            waiters_.push_back(std::make_shared<waiters>(threads.context(i)));
        for (std::size_t i = 0; i < lanes; ++i)
            running_.emplace_back([this, make] { loop(make); });
    }

    // Waits for the calls under way; what has not begun is dropped. The runtime must not be running any more.
    ~blocking_lane()
    {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        work_.notify_all();
        running_.clear();
        for (const auto& each : waiters_)
            each->abandon();
    }

    blocking_lane(const blocking_lane&) = delete;
    blocking_lane& operator=(const blocking_lane&) = delete;

    // Runs `work` in one of the threads and resumes on the calling one, which must be of the runtime. `work` must own
    // what it uses and keep to `by`, since a caller whose deadline passes goes on with errc::timed_out meanwhile. What
    // is late before it begins is not begun: errc::timed_out too. errc::unavailable if too many wait, or too many of
    // the `bytes` that they hold.
    template <class T>
    awaitable<result<T>> run(std::function<result<T>(Connection&)> work, deadline by, std::size_t bytes = 0)
    {
        const auto next = std::make_shared<typed_call<T>>();
        next->work = std::move(work);
        next->by = by;
        next->thread = runtime::this_thread();
        next->bytes = bytes;
        if (!submit(next))
            co_return failure{errc::unavailable, "too many calls wait for the store"};
        if (auto late = co_await waiters_[next->thread]->wait(next))
            co_return *std::move(late);
        co_return std::move(next->answer);
    }

private:
    static constexpr std::size_t max_queued = 1024;
    static constexpr std::size_t max_queued_bytes = std::size_t{64} << 20U;

    struct call : waiting_call {
        std::size_t thread = 0; // of the runtime; the caller's
        std::size_t bytes = 0;  // that it holds while it waits
        virtual void perform(Connection& with) = 0;
        virtual void refuse(failure why) = 0;
    };

    template <class T>
    struct typed_call final : call {
        std::function<result<T>(Connection&)> work;
        result<T> answer = failure{errc::internal, "not done"};

        void perform(Connection& with) override
        {
            answer = work(with);
            work = nullptr;
        }
        void refuse(failure why) override { answer = std::move(why); }
    };

    bool submit(std::shared_ptr<call> next)
    {
        {
            const std::lock_guard lock(mutex_);
            if (queue_.size() >= max_queued || (!queue_.empty() && queued_bytes_ + next->bytes > max_queued_bytes))
                return false;
            queued_bytes_ += next->bytes;
            queue_.push_back(std::move(next));
        }
        work_.notify_one();
        return true;
    }

    void loop(const std::function<std::unique_ptr<Connection>()>& make)
    {
        const auto connection = make();
        while (const auto next = take()) {
            if (next->by <= std::chrono::steady_clock::now())
                next->refuse({errc::timed_out, "the deadline passed while the call waited"});
            else
                next->perform(*connection);
            boost::asio::post(threads_.context(next->thread),
                              [to = waiters_[next->thread], done = std::vector{next}] { to->finish(done); });
        }
    }

    // Null when it is time to end.
    std::shared_ptr<call> take()
    {
        std::unique_lock lock(mutex_);
        work_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (stopping_)
            return nullptr;
        auto next = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= next->bytes;
        return next;
    }

    runtime& threads_;
    std::vector<std::shared_ptr<waiters>> waiters_; // by thread of the runtime
    std::mutex mutex_;
    std::condition_variable work_;
    std::deque<std::shared_ptr<call>> queue_; // guarded by mutex_
    std::size_t queued_bytes_ = 0;            // guarded by mutex_
    bool stopping_ = false;                   // guarded by mutex_
    std::vector<std::jthread> running_;
};

} // namespace coatcheck
