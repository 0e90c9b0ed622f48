#pragma once
// Who waits in this daemon for the lease lock of a session: first come, first served.

#include "backends/transport/runtime.hpp"
#include "proto/session_id.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace coatcheck {

// Safe from any thread of the runtime.
class lock_queue {
    struct waiter;

public:
    static constexpr std::size_t most_per_session = 64;
    static constexpr std::size_t most_in_all = 1024;

    // A caller's place; leaving it wakes the next. The queue must outlive it.
    class place {
    public:
        place() = default;
        ~place() { leave(); }
        place(place&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), self_(std::move(other.self_)) {}
        place& operator=(place&& other) noexcept
        {
            leave();
            queue_ = std::exchange(other.queue_, nullptr);
            self_ = std::move(other.self_);
            return *this;
        }

        explicit operator bool() const noexcept { return queue_ != nullptr; }
        bool is_for(const handle& name) const noexcept;
        bool is_first() const;

        // Until the lock may have come free for the first in the queue, the place has become the first, or `until`.
        awaitable<void> wait(deadline until);

    private:
        friend class lock_queue;
        place(lock_queue& queue, std::shared_ptr<waiter> self) noexcept : queue_(&queue), self_(std::move(self)) {}
        void leave() noexcept;

        lock_queue* queue_ = nullptr;
        std::shared_ptr<waiter> self_;
    };

    // At the end of the queue for `name`, for a caller that runs on `on`. Empty if too many wait.
    place enter(const handle& name, executor on);

    bool has_waiters(const handle& name) const;

    // The lock of `name` may have come free.
    void wake_first(const handle& name);

private:
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;
    struct waiter {
        waiter(const handle& of, executor on) : name(of), sleep(on) {}

        handle name;
        timer sleep;        // of the caller's thread
        bool woken = false; // guarded by mutex_
    };
    using queue = std::list<std::shared_ptr<waiter>>;

    void leave(const std::shared_ptr<waiter>& who);
    static void wake(const std::shared_ptr<waiter>& who);

    mutable std::mutex mutex_;
    std::unordered_map<handle, queue> queues_; // none is empty
    std::size_t in_all_ = 0;
};

} // namespace coatcheck
