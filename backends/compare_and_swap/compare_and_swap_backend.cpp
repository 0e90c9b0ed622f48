#include "backends/compare_and_swap/compare_and_swap_backend.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"

#include <utility>

namespace coatcheck {

namespace {

// The head that a write sees; null for a record that is remembered no longer.
const head* remembered(const head& about, time_point now) noexcept
{
    return about.keep_until > now ? &about : nullptr;
}

} // namespace

awaitable<result<std::optional<record>>> compare_and_swap_backend::load(const session_key& key, deadline by)
{
    auto found = co_await read(key, part::whole, by);
    if (!found)
        co_return found.error();
    if (!*found)
        co_return std::nullopt;
    stored& old = **found;
    if (!old.about)
        co_return old.about.error();
    co_return std::optional(record{*std::move(old.about), std::move(old.payload)});
}

awaitable<result<std::optional<write>>> compare_and_swap_backend::put_over(const session_key& key,
                                                                           const std::optional<stored>& old,
                                                                           const head_changes& changes,
                                                                           std::string_view payload, precondition when,
                                                                           time_point now, deadline by)
{
    if (old && !old->about)
        co_return old->about.error();
    const head* before = old ? remembered(*old->about, now) : nullptr;
    if (const auto why = refusal(before, when, changes, now))
        co_return std::optional(write{write::outcome::refused, *why, before != nullptr ? *before : head{}});
    head next = apply(before, changes, now);
    const auto done = old ? co_await replace(key, *old, next, payload, by) : co_await insert(key, next, payload, by);
    if (!done)
        co_return done.error();
    if (!*done)
        co_return std::nullopt;
    co_return std::optional(
        write{before != nullptr ? write::outcome::replaced : write::outcome::created, {}, std::move(next)});
}

awaitable<result<write>> compare_and_swap_backend::put(const session_key& key, const head_changes& changes,
                                                       std::string_view payload, precondition when, time_point now,
                                                       deadline by)
{
    const auto limit = caps().max_payload;
    if (limit && payload.size() > *limit)
        co_return failure{errc::too_large, "larger than the store's values may be"};
    // A creator most likely finds nothing. Who may not create is refused by what is there.
    bool look = when.what() != precondition::test::absent || !changes.may_create;
    for (unsigned lost = 0;; ++lost) {
        std::optional<stored> old;
        if (std::exchange(look, true)) {
            auto found = co_await read(key, part::head, by);
            if (!found)
                co_return found.error();
            old = *std::move(found);
        }
        auto done = co_await put_over(key, old, changes, payload, when, now, by);
        if (!done)
            co_return done.error();
        if (*done)
            co_return **std::move(done);
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

awaitable<result<bool>> compare_and_swap_backend::swap(const session_key& key, const head* seen, const head& next,
                                                       std::optional<std::string_view> payload, time_point now,
                                                       deadline by)
{
    const auto limit = caps().max_payload;
    if (limit && payload && payload->size() > *limit)
        co_return failure{errc::too_large, "larger than the store's values may be"};
    const auto old = co_await read(key, payload ? part::head : needed_to_extend(), by);
    if (!old)
        co_return old.error();
    if (*old && !(*old)->about)
        co_return false;
    const head* stored = *old ? remembered(*(*old)->about, now) : nullptr;
    if ((stored == nullptr) != (seen == nullptr) || (seen != nullptr && !is_unchanged(*seen, *stored)))
        co_return false;
    if (!*old)
        co_return co_await insert(key, next, payload.value_or(std::string_view()), by);
    if (!payload)
        co_return co_await replace_head(key, **old, next, by);
    auto done = co_await replace(key, **old, next, *payload, by);
    if (!done && done.error().code == errc::full && next.what == kind::ended) {
        const auto roomier = co_await make_room(key, **old, by);
        if (!roomier)
            co_return roomier.error();
        done = co_await insert(key, next, *payload, by);
    }
    co_return done;
}

awaitable<result<std::optional<head>>> compare_and_swap_backend::end(const session_key& key, time_point now,
                                                                     time_point keep_until, deadline by)
{
    for (unsigned lost = 0;; ++lost) {
        auto old = co_await read(key, part::head, by);
        if (!old)
            co_return old.error();
        const head* before = *old && (*old)->about ? remembered(*(*old)->about, now) : nullptr;
        if (before != nullptr && before->what == kind::alias)
            co_return *before;
        const head grave = tombstone(before, now, keep_until);
        auto done = *old ? co_await replace(key, **old, grave, {}, by) : co_await insert(key, grave, {}, by);
        if (!done && done.error().code == errc::full && *old) {
            const auto roomier = co_await make_room(key, **old, by);
            if (!roomier)
                co_return roomier.error();
            done = co_await insert(key, grave, {}, by);
        }
        if (!done)
            co_return done.error();
        if (*done)
            co_return before != nullptr ? std::optional(*before) : std::nullopt;
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

awaitable<result<std::optional<head>>> compare_and_swap_backend::extend(const session_key& key, time_point now,
                                                                        std::chrono::milliseconds keep_after_end,
                                                                        deadline by)
{
    for (unsigned lost = 0;; ++lost) {
        auto old = co_await read(key, needed_to_extend(), by);
        if (!old)
            co_return old.error();
        if (!*old)
            co_return std::nullopt;
        if (!(*old)->about)
            co_return (*old)->about.error();
        const head& before = *(*old)->about;
        if (!is_live(before, now) || !needs_extension(before, now))
            co_return std::optional(before);
        head next = extended(before, keep_after_end, now);
        const auto done = co_await replace_head(key, **old, next, by);
        if (!done)
            co_return done.error();
        if (*done)
            co_return std::optional(std::move(next));
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

} // namespace coatcheck
