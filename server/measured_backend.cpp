#include "server/measured_backend.hpp"

#include <utility>

namespace coatcheck {

template <class T>
awaitable<result<T>> measured_backend::measured(metrics::operation op, awaitable<result<T>> work)
{
    const auto begin = std::chrono::steady_clock::now();
    auto answer = co_await std::move(work);
    const auto thread = runtime::this_thread();
    counters_.count_operation(thread, store_, op, std::chrono::steady_clock::now() - begin);
    if (!answer)
        counters_.count_error(thread, store_, op, answer.error().code);
    co_return answer;
}

awaitable<result<std::optional<record>>> measured_backend::load(const session_key& key, deadline by)
{
    return measured(metrics::operation::load, keeper_.load(key, by));
}

awaitable<result<write>> measured_backend::put(const session_key& key, const head_changes& changes,
                                               std::string_view payload, precondition when, time_point now, deadline by)
{
    return measured(metrics::operation::put, keeper_.put(key, changes, payload, when, now, by));
}

awaitable<result<bool>> measured_backend::swap(const session_key& key, const head* seen, const head& next,
                                               std::optional<std::string_view> payload, time_point now, deadline by)
{
    return measured(metrics::operation::swap, keeper_.swap(key, seen, next, payload, now, by));
}

awaitable<result<std::optional<head>>> measured_backend::end(const session_key& key, time_point now,
                                                             time_point keep_until, deadline by)
{
    return measured(metrics::operation::end, keeper_.end(key, now, keep_until, by));
}

awaitable<result<std::optional<head>>> measured_backend::extend(const session_key& key, time_point now,
                                                                std::chrono::milliseconds keep_after_end, deadline by)
{
    return measured(metrics::operation::extend, keeper_.extend(key, now, keep_after_end, by));
}

} // namespace coatcheck
