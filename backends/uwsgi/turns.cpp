#include "backends/uwsgi/turns.hpp"

namespace coatcheck::uwsgi {

awaitable<bool> turns::take(deadline by)
{
    if (free_ != 0) {
        --free_;
        co_return true;
    }
    if (waiting_.size() >= max_waiting)
        co_return false;
    const auto self = std::make_shared<waiter>(steady_timer(on_, by));
    const auto place = waiting_.insert(waiting_.end(), self);
    const auto [ec] = co_await self->until.async_wait(as_result);
    static_cast<void>(ec);
    if (!self->granted)
        waiting_.erase(place);
    co_return self->granted;
}

void turns::give_back()
{
    if (waiting_.empty()) {
        ++free_;
        return;
    }
    const auto next = waiting_.front();
    waiting_.pop_front();
    next->granted = true;
    next->until.cancel();
}

} // namespace coatcheck::uwsgi
