// Lease locks. A token is the moment of its grant in milliseconds, or one more than the last: it grows, also past the
// time for which a session is remembered, and tells how old the lock is.

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "server/sessions.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

// How soon a lock is seen to be free that another daemon's caller gave back.
constexpr auto shortest_poll = 20ms;
constexpr auto longest_poll = 200ms;

head locked(const head& seen, std::chrono::milliseconds lease, time_point now)
{
    head h = seen;
    h.revision += 1;
    h.lock_token = std::max(static_cast<std::uint64_t>(now.time_since_epoch().count()), seen.lock_token + 1);
    h.locked_until = now + lease;
    return h;
}

head unlocked(const head& seen)
{
    head h = seen;
    h.revision += 1;
    h.locked_until = {};
    return h;
}

} // namespace

awaitable<result<write>> sessions::lock(const session_key& key, std::chrono::milliseconds lease,
                                        std::chrono::milliseconds wait, time_point now)
{
    const auto on = co_await boost::asio::this_coro::executor;
    const auto begin = steady::now();
    lock_queue::place place;
    for (auto poll = shortest_poll;; poll = std::min(2 * poll, longest_poll)) {
        const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - begin);
        const time_point at = now + waited;
        const deadline by = next_deadline();
        const auto epoch = co_await epoch_.current(at, by);
        if (!epoch)
            co_return epoch.error();
        auto found = co_await places_.find(key, *epoch, at, by);
        if (!found)
            co_return found.error();
        head& seen = found->stored.about;
        if (place && !place.is_for(found->at.name))
            place = {}; // it was rotated meanwhile
        const bool my_turn = place ? place.is_first() : !waiting_.has_waiters(found->at.name);
        if (my_turn && seen.locked_until <= at) {
            head next = locked(seen, lease, at);
            const auto done = co_await keeper_.swap(found->at, &seen, next, std::nullopt, at, by);
            if (!done)
                co_return done.error();
            if (*done)
                co_return write{write::outcome::replaced, {}, std::move(next)};
            poll = shortest_poll;
            if (waited < wait || co_await pause_at_most(5ms, by))
                continue;
        }
        if (waited >= wait)
            co_return write{write::outcome::refused, errc::locked, std::move(seen)};
        if (!place)
            place = waiting_.enter(found->at.name, on);
        if (!place)
            co_return failure{errc::too_many_waiters, {}};
        auto until = begin + wait;
        if (place.is_first())
            until = std::min(
                {until, steady::now() + std::max<steady::duration>(seen.locked_until - at, 1ms), steady::now() + poll});
        co_await place.wait(until);
    }
}

awaitable<result<write>> sessions::unlock(const session_key& key, std::uint64_t token, time_point now)
{
    const deadline by = next_deadline();
    const auto epoch = co_await epoch_.current(now, by);
    if (!epoch)
        co_return epoch.error();
    for (unsigned lost = 0;; ++lost) {
        auto found = co_await places_.find(key, *epoch, now, by);
        if (!found)
            co_return found.error();
        head& seen = found->stored.about;
        if (seen.lock_token != token)
            co_return write{write::outcome::refused, errc::locked, std::move(seen)};
        if (seen.locked_until <= now)
            co_return write{write::outcome::replaced, {}, std::move(seen)};
        head next = unlocked(seen);
        const auto done = co_await keeper_.swap(found->at, &seen, next, std::nullopt, now, by);
        if (!done)
            co_return done.error();
        if (*done) {
            waiting_.wake_first(found->at.name);
            co_return write{write::outcome::replaced, {}, std::move(next)};
        }
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

} // namespace coatcheck
