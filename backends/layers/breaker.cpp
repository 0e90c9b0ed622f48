#include "backends/layers/breaker.hpp"

#include "backends/transport/pause.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr unsigned failures_to_open = 5;
constexpr auto retry_pause = 50ms;
constexpr auto shortest_pause = 25ms; // between probes
constexpr auto longest_pause = 200ms;
constexpr auto probe_limit = 500ms;

bool is_outage(errc code) noexcept
{
    return code == errc::unavailable || code == errc::timed_out;
}

} // namespace

breaker::breaker(std::unique_ptr<backend> keeper, observer changed)
    : keeper_(std::move(keeper)), changed_(std::move(changed))
{}

template <class T, class Operation>
awaitable<result<T>> breaker::guard(Operation operation, deadline by)
{
    if (state() != circuit::closed)
        co_return refusal();
    auto answer = co_await operation();
    const bool failed = !answer && is_outage(answer.error().code);
    if (!failed) {
        if (failures_.load(std::memory_order_relaxed) != 0)
            failures_ = 0;
        co_return answer;
    }
    const auto on = co_await boost::asio::this_coro::executor;
    if (shows_outage(on, answer) || answer.error().code != errc::unavailable ||
        !co_await pause_at_most(retry_pause, by))
        co_return answer;
    auto second = co_await operation();
    if (!second && is_outage(second.error().code))
        shows_outage(on, second);
    else
        failures_ = 0;
    co_return second;
}

template <class T>
bool breaker::shows_outage(executor on, const result<T>& answer)
{
    if (++failures_ < failures_to_open || keeper_->caps().fails_in_parts)
        return false;
    open(on, answer.error());
    return true;
}

failure breaker::refusal() const
{
    const std::lock_guard hold(mutex_);
    return {errc::unavailable, "the circuit is open: " + last_.detail};
}

void breaker::open(executor on, const failure& why)
{
    {
        const std::lock_guard hold(mutex_);
        last_ = why;
    }
    auto expected = circuit::closed;
    if (!state_.compare_exchange_strong(expected, circuit::open))
        return;
    changed_(circuit::open, why);
    boost::asio::co_spawn(on, recover(), boost::asio::detached);
}

awaitable<void> breaker::recover()
{
    for (auto most = shortest_pause;; most = std::min(2 * most, longest_pause)) {
        co_await pause_at_most(most, deadline::max());
        state_ = circuit::half_open;
        const auto answer = co_await keeper_->probe(clock::now() + probe_limit);
        if (answer)
            break;
        state_ = circuit::open;
        const std::lock_guard hold(mutex_);
        last_ = answer.error();
    }
    failures_ = 0;
    state_ = circuit::closed;
    changed_(circuit::closed, {});
}

awaitable<result<std::optional<record>>> breaker::load(const session_key& key, deadline by)
{
    return guard<std::optional<record>>([this, &key, by] { return keeper_->load(key, by); }, by);
}

awaitable<result<write>> breaker::put(const session_key& key, const head_changes& changes, std::string_view payload,
                                      precondition when, time_point now, deadline by)
{
    return guard<write>([=, this, &key, &changes] { return keeper_->put(key, changes, payload, when, now, by); }, by);
}

awaitable<result<bool>> breaker::swap(const session_key& key, const head* seen, const head& next,
                                      std::optional<std::string_view> payload, time_point now, deadline by)
{
    return guard<bool>([=, this, &key, &next] { return keeper_->swap(key, seen, next, payload, now, by); }, by);
}

awaitable<result<std::optional<head>>> breaker::end(const session_key& key, time_point now, time_point keep_until,
                                                    deadline by)
{
    return guard<std::optional<head>>([=, this, &key] { return keeper_->end(key, now, keep_until, by); }, by);
}

awaitable<result<std::optional<head>>> breaker::extend(const session_key& key, time_point now,
                                                       std::chrono::milliseconds keep_after_end, deadline by)
{
    return guard<std::optional<head>>([=, this, &key] { return keeper_->extend(key, now, keep_after_end, by); }, by);
}

// Not counted: who asks how a store is must not make it worse.
awaitable<result<void>> breaker::probe(deadline by)
{
    if (state() != circuit::closed)
        co_return refusal();
    co_return co_await keeper_->probe(by);
}

} // namespace coatcheck
