#include "backends/transport/waiters.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace coatcheck {

waiters::waiters(boost::asio::io_context& context) : timer_(context.get_executor()) {}

awaitable<std::optional<failure>> waiters::wait(std::shared_ptr<waiting_call> waiting)
{
    using token = boost::asio::use_awaitable_t<executor>;
    co_return co_await boost::asio::async_initiate<const token&, void(std::optional<failure>)>(
        [this, &waiting](auto handler) {
            waiting->resume = [h = std::make_shared<decltype(handler)>(std::move(handler))](std::optional<failure> f) {
                (*h)(std::move(f));
            };
            add(waiting);
        },
        token());
}

void waiters::add(const std::shared_ptr<waiting_call>& waiting)
{
    waiting->place = waiting_.insert(waiting_.end(), waiting);
    if (waiting_.size() == 1 || waiting->by < timer_.expiry())
        arm(waiting->by);
}

void waiters::answer(waiting_call& waiting, std::optional<failure> with)
{
    const auto kept = *waiting.place; // alive until it has been resumed
    waiting_.erase(waiting.place);
    const auto resume = std::exchange(waiting.resume, nullptr);
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
    std::vector<std::shared_ptr<waiting_call>> late;
    std::ranges::copy_if(waiting_, std::back_inserter(late), [&](const auto& each) { return each->by <= now; });
    for (const auto& each : late)
        answer(*each, failure{errc::timed_out, "the store did not answer in time"});
    if (!waiting_.empty())
        arm((*std::ranges::min_element(waiting_, {}, [](const auto& each) { return each->by; }))->by);
}

void waiters::abandon()
{
    timer_.cancel();
    for (const auto& each : std::exchange(waiting_, {}))
        each->resume = nullptr;
}

} // namespace coatcheck
