#pragma once
// The callers of one thread that wait for something that other threads do.

#include "backends/transport/runtime.hpp"
#include "proto/error.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace coatcheck {

// A caller that waits. Derive from it what the other thread has to know.
struct waiting_call {
    virtual ~waiting_call() = default;

    deadline by;

    // The caller's thread's: goes on with the caller; empty once that has happened.
    std::function<void(std::optional<failure>)> resume;
    std::list<std::shared_ptr<waiting_call>>::iterator place;
};

// Used on the thread of its io_context alone. A caller that waits keeps the io_context at work.
class waiters : public std::enable_shared_from_this<waiters> {
public:
    explicit waiters(boost::asio::io_context& context);

    // Suspends the caller until finish() gets `waiting`, whose work is done then. At its deadline it goes on with
    // errc::timed_out, whatever becomes of the work. Whoever does the work posts its finish() to this thread, so that
    // it never comes before the wait.
    awaitable<std::optional<failure>> wait(std::shared_ptr<waiting_call> waiting);

    // Goes on with the callers of `done` that still wait.
    template <class Call>
    void finish(const std::vector<std::shared_ptr<Call>>& done)
    {
        for (const auto& each : done)
            if (each->resume)
                answer(*each, std::nullopt);
        if (waiting_.empty())
            timer_.cancel();
    }

    // Drops all that wait; their coroutines are destroyed. For the end, when the io_context does not run any more.
    void abandon();

private:
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

    void add(const std::shared_ptr<waiting_call>& waiting);
    void answer(waiting_call& waiting, std::optional<failure> with);
    void arm(deadline at);
    void give_up_late_ones();

    timer timer_; // set for the earliest deadline, or an earlier one that has been answered
    std::list<std::shared_ptr<waiting_call>> waiting_;
};

} // namespace coatcheck
