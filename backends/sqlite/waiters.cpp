#include "backends/sqlite/waiters.hpp"

#include <algorithm>

namespace coatcheck::sqlite {

waiters::waiters(boost::asio::io_context& context) : timer_(context.get_executor()) {}

void waiters::add(const job_ptr& waiting)
{
    waiting->place = waiting_.insert(waiting_.end(), waiting);
    if (waiting_.size() == 1 || waiting->by < timer_.expiry())
        arm(waiting->by);
}

void waiters::finish(const std::vector<job_ptr>& done)
{
    for (const auto& each : done)
        if (each->resume)
            answer(each, std::move(each->answer));
    if (waiting_.empty())
        timer_.cancel();
}

void waiters::answer(const job_ptr& waiting, result<write> with)
{
    waiting_.erase(waiting->place);
    const auto resume = std::exchange(waiting->resume, nullptr);
    resume(std::move(with));
}

void waiters::arm(deadline at)
{
    timer_.expires_at(at);
    timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
        if (const auto self = weak.lock(); self && !error)
            self->give_up_late_ones();
    });
}

void waiters::give_up_late_ones()
{
    const deadline now = std::chrono::steady_clock::now();
    std::vector<job_ptr> late;
    std::ranges::copy_if(waiting_, std::back_inserter(late), [&](const job_ptr& each) { return each->by <= now; });
    for (const auto& each : late)
        answer(each, failure{errc::timed_out, "sqlite: the writer did not answer in time"});
    if (!waiting_.empty())
        arm(std::ranges::min(waiting_, {}, &job::by)->by);
}

void waiters::abandon()
{
    timer_.cancel();
    for (const auto& each : std::exchange(waiting_, {}))
        each->resume = nullptr;
}

} // namespace coatcheck::sqlite
