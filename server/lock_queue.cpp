#include "server/lock_queue.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace coatcheck {

bool lock_queue::place::is_for(const handle& name) const noexcept
{
    return queue_ != nullptr && self_->name == name;
}

bool lock_queue::place::is_first() const
{
    const std::lock_guard hold(queue_->mutex_);
    return queue_->queues_.at(self_->name).front() == self_;
}

awaitable<void> lock_queue::place::wait(deadline until)
{
    {
        const std::lock_guard hold(queue_->mutex_);
        if (std::exchange(self_->woken, false))
            co_return;
    }
    // wake() cancels from this thread's own context, so never between here and the wait.
    boost::system::error_code cancelled;
    self_->sleep.expires_at(until);
    co_await self_->sleep.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable_t<executor>{}, cancelled));
    const std::lock_guard hold(queue_->mutex_);
    self_->woken = false;
}

void lock_queue::place::leave() noexcept
{
    if (queue_ != nullptr)
        std::exchange(queue_, nullptr)->leave(self_);
    self_.reset();
}

lock_queue::place lock_queue::enter(const handle& name, executor on)
{
    const std::lock_guard hold(mutex_);
    const auto found = queues_.find(name);
    if (in_all_ >= most_in_all || (found != queues_.end() && found->second.size() >= most_per_session))
        return {};
    auto self = std::make_shared<waiter>(name, on);
    queues_[name].push_back(self);
    ++in_all_;
    return {*this, std::move(self)};
}

bool lock_queue::has_waiters(const handle& name) const
{
    const std::lock_guard hold(mutex_);
    return queues_.contains(name);
}

void lock_queue::wake_first(const handle& name)
{
    const std::lock_guard hold(mutex_);
    if (const auto found = queues_.find(name); found != queues_.end())
        wake(found->second.front());
}

void lock_queue::leave(const std::shared_ptr<waiter>& who)
{
    const std::lock_guard hold(mutex_);
    const auto found = queues_.find(who->name);
    const bool was_first = found->second.front() == who;
    found->second.remove(who);
    --in_all_;
    if (found->second.empty())
        queues_.erase(found);
    else if (was_first)
        wake(found->second.front());
}

void lock_queue::wake(const std::shared_ptr<waiter>& who)
{
    who->woken = true;
    boost::asio::post(who->sleep.get_executor(), [who] { who->sleep.cancel(); });
}

} // namespace coatcheck
