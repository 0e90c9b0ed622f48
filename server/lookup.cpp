#include "server/lookup.hpp"

#include "proto/rotated_record.hpp"

#include <utility>

namespace coatcheck {

bool leads_on(const head& alias, const head& target) noexcept
{
    return alias.subject == target.subject;
}

awaitable<result<std::optional<record>>> lookup::load(const session_key& key, time_point now, deadline by)
{
    auto found = co_await keeper_.load(key, by);
    if (found && *found && (*found)->about.keep_until <= now)
        found->reset();
    co_return found;
}

awaitable<result<found_session>> lookup::find(session_key key, time_point epoch, time_point now, deadline by)
{
    auto found = co_await load(key, now, by);
    if (!found)
        co_return found.error();
    if (!*found)
        co_return failure{errc::not_found, {}};
    co_return co_await follow(std::move(key), *std::move(*found), epoch, now, by);
}

awaitable<result<found_session>> lookup::follow(session_key key, record stored, time_point epoch, time_point now,
                                                deadline by)
{
    for (unsigned aliases = 0; aliases < most_aliases;) {
        switch (stored.about.what) {
        case kind::live:
            if (!is_live(stored.about, now) || stored.about.created < epoch)
                co_return failure{errc::ended, {}};
            co_return found_session{std::move(key), std::move(stored)};
        case kind::ended:
            co_return failure{errc::ended, {}};
        case kind::pending: {
            auto settled = co_await settle(key, stored, now, by);
            if (!settled)
                co_return settled.error();
            if (!*settled)
                co_return failure{errc::not_found, {}};
            stored = *std::move(*settled);
            break;
        }
        case kind::alias: {
            const auto target = alias_target(stored.payload);
            if (!target)
                co_return failure{errc::corrupt, "an alias that leads nowhere"};
            if (now >= stored.about.expires) {
                reused_(key.name);
                co_return failure{errc::ended, {}};
            }
            key = {*target, std::nullopt};
            auto next = co_await load(key, now, by);
            if (!next)
                co_return next.error();
            if (!*next || !leads_on(stored.about, (*next)->about))
                co_return failure{errc::ended, {}};
            stored = *std::move(*next);
            ++aliases;
            break;
        }
        }
    }
    co_return failure{errc::ended, "a chain of aliases without an end"};
}

awaitable<result<std::optional<std::string>>> lookup::current_id(session_key key, std::string id, time_point now,
                                                                 deadline by)
{
    auto found = co_await load(key, now, by);
    for (unsigned aliases = 0; aliases < most_aliases; ++aliases) {
        if (!found)
            co_return found.error();
        if (!*found || (*found)->about.what != kind::alias)
            co_return std::optional(std::move(id));
        const record alias = **std::move(found);
        const auto target = alias_target(alias.payload);
        if (!target || now >= alias.about.expires)
            co_return std::nullopt;
        auto next_id = open_alias(alias.payload, id);
        if (!next_id)
            co_return next_id.error();
        id = *std::move(next_id);
        key = {*target, std::nullopt};
        found = co_await load(key, now, by);
        if (found && *found && !leads_on(alias.about, (*found)->about))
            co_return std::nullopt;
    }
    co_return std::nullopt;
}

awaitable<result<std::optional<record>>> lookup::settle(const session_key& key, const record& pending, time_point now,
                                                        deadline by)
{
    const auto parts = parse_pending(pending.payload);
    if (!parts)
        co_return failure{errc::corrupt, "a pending record that does not say where it comes from"};
    const session_key source{parts->source, std::nullopt};
    const auto old = co_await load(source, now, by);
    if (!old)
        co_return old.error();
    const bool committed = *old && (*old)->about.what == kind::alias && alias_target((*old)->payload) == key.name;
    if (!committed)
        co_return std::nullopt;
    record live{pending.about, std::string(parts->data)};
    live.about.what = kind::live;
    live.about.revision += 1;
    const auto done = co_await keeper_.swap(key, &pending.about, live.about, live.payload, now, by);
    if (!done)
        co_return done.error();
    if (*done)
        co_return std::optional(std::move(live));
    // Somebody else did, or ended it.
    auto now_there = co_await load(key, now, by);
    if (now_there && *now_there && (*now_there)->about.what == kind::pending)
        now_there->reset();
    co_return now_there;
}

} // namespace coatcheck
