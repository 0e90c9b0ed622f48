#include "backends/uwsgi/cache.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace coatcheck::uwsgi {

using namespace std::chrono_literals;
using outcome = answer::outcome;

namespace {

// Below the server's usual queue of 100 connections; more than its processes and threads are would only wait there.
constexpr std::size_t max_connections = 64;

// No handle has a '*'. As long as one, so that a cache whose keys are too short for ours does not prove itself.
constexpr std::string_view sentinel_name = "*this-key-shows-that-the-cache-is-answering";
static_assert(sentinel_name.size() == handle::length);
constexpr std::string_view sentinel_value = "coatcheck";

// It has an end, so that a cache that forgets at once what has one does not prove itself either.
constexpr std::chrono::seconds sentinel_lifetime = std::chrono::days(3650);

// uWSGI keeps the second in which an item ends, cut off, so one of n seconds lives more than n - 1.
std::chrono::seconds lifetime_until(time_point keep_until)
{
    const auto left = std::chrono::ceil<std::chrono::seconds>(keep_until - std::chrono::system_clock::now());
    return std::max(left, 0s) + 1s;
}

// Of a request that has changed nothing, whatever its outcome.
failure of_read(const answer& a)
{
    return {a.is(outcome::late) ? errc::timed_out : errc::unavailable, a.why};
}

// Of a write whose effect could not be seen.
failure of_write(const answer& a)
{
    return {a.is(outcome::not_sent) ? errc::unavailable : errc::timed_out, a.why};
}

failure full(std::string_view name)
{
    return {errc::full, "the cache '" + std::string(name) +
                            "' has no room for the value: it is full, or its "
                            "values are smaller than max"};
}

} // namespace

cache::cache(config settings, runtime& threads) : config_(std::move(settings)), sentinel_(key_of(sentinel_name))
{
    const auto share = std::max<std::size_t>(max_connections / threads.threads(), 2);
    for (std::size_t i = 0; i < threads.threads(); ++i)
        connections_.push_back(std::make_unique<turns>(threads.context(i).get_executor(), share));
}

awaitable<answer> cache::ask(request what, effect does, deadline by)
{
    what.cache = config_.cache;
    std::string packet;
    append(what, packet);
    auto& here = *connections_[runtime::this_thread()];
    if (!co_await here.take(by))
        co_return answer{outcome::not_sent, {}, "too many requests wait for uWSGI"};
    auto got = co_await exchange(co_await boost::asio::this_coro::executor, config_.server, packet, does, by);
    here.give_back();
    if (!got.is(outcome::yes) && !got.is(outcome::nothing))
        proved_ = false;
    co_return got;
}

awaitable<result<std::optional<std::string>>> cache::get_once(std::string_view key, deadline by)
{
    auto got = co_await ask({.what = command::get, .key = key}, effect::reads, by);
    if (got.is(outcome::nothing))
        co_return std::nullopt;
    if (!got.is(outcome::yes))
        co_return of_read(got);
    if (!got.value)
        co_return failure{errc::unavailable, "uWSGI answers a get without a value"};
    co_return std::move(got.value);
}

awaitable<result<std::optional<std::string>>> cache::get(std::string_view key, deadline by)
{
    auto first = co_await get_once(key, by);
    if (!first || *first)
        co_return first;
    const auto proved = co_await prove(by);
    if (!proved)
        co_return proved.error();
    co_return co_await get_once(key, by);
}

awaitable<result<void>> cache::prove(deadline by)
{
    for (const bool made : {false, true}) {
        const auto held = co_await get_once(sentinel_, by);
        if (!held)
            co_return held.error();
        if (*held && **held == sentinel_value) {
            proved_ = true;
            co_return result<void>();
        }
        if (*held)
            co_return failure{errc::unavailable, "the key '" + sentinel_ + "' holds what is not ours"};
        if (made)
            break;
        // Only to be looked at: another daemon may have set it meanwhile.
        const auto set = co_await ask(
            {.what = command::set, .key = sentinel_, .value = sentinel_value, .lifetime = sentinel_lifetime},
            effect::reads, by);
        if (!set.is(outcome::yes) && !set.is(outcome::nothing))
            co_return of_read(set);
    }
    co_return failure{errc::unavailable, "uWSGI answers, but keeps nothing in the cache '" + config_.cache +
                                             "': there is none of that name, its keysize is below " +
                                             std::to_string(sentinel_.size()) + ", or it is full"};
}

awaitable<result<bool>> cache::add(std::string_view key, std::string_view value, time_point keep_until, deadline by)
{
    // A cache that forgets at once says yes to a set too.
    if (!proved_) {
        const auto proved = co_await prove(by);
        if (!proved)
            co_return proved.error();
    }
    // Said twice where the first was refused for what has gone meanwhile, or was lost on its way: a set of the same
    // value changes nothing if the first did arrive.
    for (const bool again : {false, true}) {
        const auto set =
            co_await ask({.what = command::set, .key = key, .value = value, .lifetime = lifetime_until(keep_until)},
                         effect::writes, by);
        if (set.is(outcome::yes))
            co_return true;
        if (set.is(outcome::not_sent) || set.is(outcome::late))
            co_return of_write(set);
        const auto held = co_await get(key, by);
        if (!held)
            co_return failure{errc::timed_out, held.error().detail};
        if (*held)
            co_return **held == value;
        if (set.is(outcome::broken))
            co_return of_write(set);
        if (again)
            break;
    }
    co_return full(config_.cache);
}

awaitable<result<bool>> cache::replace(std::string_view key, std::string_view old, std::string_view value,
                                       time_point keep_until, deadline by)
{
    for (const bool again : {false, true}) {
        const auto updated =
            co_await ask({.what = command::update, .key = key, .value = value, .lifetime = lifetime_until(keep_until)},
                         effect::writes, by);
        if (updated.is(outcome::yes))
            co_return true;
        if (updated.is(outcome::not_sent) || updated.is(outcome::late))
            co_return of_write(updated);
        const auto held = co_await get(key, by);
        if (!held)
            co_return failure{errc::timed_out, held.error().detail};
        if (*held && **held == value)
            co_return true;
        if (updated.is(outcome::broken))
            co_return of_write(updated);
        if (*held && **held != old)
            co_return failure{errc::timed_out, "somebody else writes to the cache '" + config_.cache + "'"};
        if (again)
            break;
    }
    co_return full(config_.cache);
}

awaitable<result<void>> cache::remove(std::string_view key, deadline by)
{
    const auto removed = co_await ask({.what = command::del, .key = key}, effect::writes, by);
    if (removed.is(outcome::yes))
        co_return result<void>();
    if (!removed.is(outcome::nothing))
        co_return of_write(removed);
    const auto held = co_await get(key, by);
    if (!held)
        co_return failure{errc::timed_out, held.error().detail};
    if (*held)
        co_return failure{errc::timed_out, "uWSGI does not remove a key that it has"};
    co_return result<void>();
}

} // namespace coatcheck::uwsgi
