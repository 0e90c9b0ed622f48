#pragma once
// The callers of one thread that wait for the writer.

#include "backends/sqlite/job.hpp"

#include <boost/asio/steady_timer.hpp>

#include <vector>

namespace coatcheck::sqlite {

// Used on the thread of its io_context alone. A caller that waits keeps the io_context at work.
class waiters : public std::enable_shared_from_this<waiters> {
public:
    explicit waiters(boost::asio::io_context& context);

    // Takes a job whose `resume` is set. At its deadline it is answered errc::timed_out, whatever becomes of it.
    void add(const job_ptr& waiting);

    // Goes on with the callers of `done` that still wait.
    void finish(const std::vector<job_ptr>& done);

    // Drops all that wait; their coroutines are destroyed. For the end, when the io_context does not run any more.
    void abandon();

private:
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

    void answer(const job_ptr& waiting, result<write> with);
    void arm(deadline at);
    void give_up_late_ones();

    timer timer_; // set for the earliest deadline, or an earlier one that has been answered
    std::list<job_ptr> waiting_;
};

} // namespace coatcheck::sqlite
