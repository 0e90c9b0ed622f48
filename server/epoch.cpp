#include "server/epoch.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "proto/msgpack_reader.hpp"
#include "proto/session_id.hpp"
#include "server/msgpack_writer.hpp"

#include <algorithm>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds interval = 1s;

// A place that no session has: spaces are in no id. Ten years is longer than a session lives without being used.
const session_key& place()
{
    static const session_key key{handle_maker()("the epoch of this store"), std::nullopt};
    return key;
}

constexpr std::chrono::years kept_for{10};

std::int64_t ms(time_point t) noexcept
{
    return t.time_since_epoch().count();
}

std::int64_t steady_ms() noexcept
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// {"before": milliseconds}
std::string payload_of(std::int64_t at)
{
    std::string out;
    msgpack_writer(out).map(1).text("before").number(at);
    return out;
}

std::optional<std::int64_t> parse(std::string_view payload)
{
    msgpack_reader in(payload);
    msgpack_token t;
    if (!in.next(t) || t.what != msgpack_token::kind::map || t.count != 1 || !in.next(t) || t.content != "before" ||
        !in.next(t) || t.what != msgpack_token::kind::natural || !in.at_end())
        return std::nullopt;
    return static_cast<std::int64_t>(t.natural);
}

} // namespace

bool epoch::is_place(const handle& name) noexcept
{
    return name == place().name;
}

awaitable<result<std::optional<record>>> epoch::read(time_point now, deadline by)
{
    auto found = co_await keeper_.load(place(), by);
    if (found && *found && (*found)->about.keep_until <= now)
        found->reset();
    // It is no session of the caller's that is damaged, and who has been logged out must not be let in for it.
    if (!found && found.error().code == errc::corrupt)
        co_return failure{errc::unavailable, "the store's epoch cannot be read: " + found.error().detail};
    if (!found)
        co_return found.error();
    const auto at = *found ? parse((*found)->payload) : std::optional<std::int64_t>(0);
    if (!at)
        co_return failure{errc::unavailable, "the store's epoch cannot be read"};
    learn(*at);
    co_return found;
}

// Never back: a read that was overtaken by a write brings the older value.
void epoch::learn(std::int64_t at) noexcept
{
    for (auto known = at_.load(); known < at && !at_.compare_exchange_weak(known, at);)
        ;
}

awaitable<result<time_point>> epoch::current(time_point now, deadline by)
{
    auto next = next_check_.load(std::memory_order_relaxed);
    const auto known = at_.load(std::memory_order_acquire);
    const auto steady = steady_ms();
    // One of those who come after a second asks; the others go on with what is known.
    const bool mine = steady >= next && next_check_.compare_exchange_strong(next, steady + interval.count());
    if (known == unknown || mine) {
        const auto found = co_await read(now, by);
        if (!found && known == unknown)
            co_return found.error();
    }
    co_return time_point{std::chrono::milliseconds{at_.load(std::memory_order_acquire)}};
}

awaitable<result<void>> epoch::advance(time_point before, time_point now, deadline by)
{
    for (unsigned lost = 0;; ++lost) {
        const auto found = co_await read(now, by);
        if (!found)
            co_return found.error();
        if (at_.load() >= ms(before))
            co_return result<void>();
        head next;
        next.revision = *found ? (*found)->about.revision + 1 : 1;
        next.data_version = make_version();
        next.created = *found ? (*found)->about.created : now;
        next.last_seen = now;
        next.expires = now + kept_for;
        next.keep_until = next.expires;
        const auto done =
            co_await keeper_.swap(place(), *found ? &(*found)->about : nullptr, next, payload_of(ms(before)), now, by);
        if (!done)
            co_return done.error();
        if (*done) {
            learn(ms(before));
            co_return result<void>();
        }
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return failure{errc::timed_out, "others kept moving the epoch until the deadline"};
    }
}

} // namespace coatcheck
