#include "backends/layers/encrypt.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

encrypt::encrypt(std::unique_ptr<backend> keeper, std::shared_ptr<const sealer> seals, plain_records plain,
                 observer opened)
    : keeper_(std::move(keeper)), seals_(std::move(seals)), plain_(plain), opened_(std::move(opened))
{}

capabilities encrypt::caps() const noexcept
{
    capabilities c = keeper_->caps();
    if (c.max_payload)
        *c.max_payload -= std::min(*c.max_payload, sealing_overhead);
    return c;
}

result<record> encrypt::open(const handle& name, record stored) const
{
    if (!is_sealed(stored)) {
        if (stored.about.what == kind::ended)
            return stored;
        if (plain_ == plain_records::refuse)
            return failure{errc::unknown_key, "a record that is not encrypted"};
        opened_(seals_->keys().size());
        return stored;
    }
    stored.about = without_seal_mark(std::move(stored.about));
    auto opened = seals_->open(name, stored.about, stored.payload);
    if (!opened)
        return opened.error();
    opened_(opened->key);
    stored.payload = std::move(opened->payload);
    return stored;
}

awaitable<result<bool>> encrypt::swap_in(const session_key& key, const head* seen, const head& next,
                                         std::string_view payload, time_point now, deadline by)
{
    if (next.what == kind::ended && payload.empty())
        co_return co_await keeper_->swap(key, seen, next, payload, now, by);
    const std::string sealed = seals_->seal(key.name, next, payload);
    const head marked = marked_sealed(next);
    co_return co_await keeper_->swap(key, seen, marked, sealed, now, by);
}

awaitable<result<std::optional<record>>> encrypt::load(const session_key& key, deadline by)
{
    auto found = co_await keeper_->load(key, by);
    if (!found || !*found)
        co_return found;
    auto opened = open(key.name, **std::move(found));
    if (!opened)
        co_return opened.error();
    co_return std::optional(*std::move(opened));
}

awaitable<result<write>> encrypt::put(const session_key& key, const head_changes& changes, std::string_view payload,
                                      precondition when, time_point now, deadline by)
{
    const auto limit = caps().max_payload;
    if (limit && payload.size() > *limit)
        co_return failure{errc::too_large, "larger than the store's values may be"};
    // A creator most likely finds nothing. Who may not create is refused by what is there.
    bool look = when.what() != precondition::test::absent || !changes.may_create;
    for (unsigned lost = 0;; ++lost) {
        std::optional<head> before;
        if (std::exchange(look, true)) {
            auto found = co_await keeper_->load(key, by);
            if (!found)
                co_return found.error();
            if (*found && (*found)->about.keep_until > now) {
                auto opened = open(key.name, **std::move(found));
                if (!opened)
                    co_return opened.error();
                before = std::move(opened->about);
            }
        }
        const head* seen = before ? &*before : nullptr;
        if (const auto why = refusal(seen, when, changes, now))
            co_return write{write::outcome::refused, *why, seen != nullptr ? *seen : head{}};
        head next = apply(seen, changes, now);
        const auto done = co_await swap_in(key, seen, next, payload, now, by);
        if (!done)
            co_return done.error();
        if (*done)
            co_return write{seen != nullptr ? write::outcome::replaced : write::outcome::created, {}, std::move(next)};
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

awaitable<result<bool>> encrypt::swap(const session_key& key, const head* seen, const head& next,
                                      std::optional<std::string_view> payload, time_point now, deadline by)
{
    const auto limit = caps().max_payload;
    if (limit && payload && payload->size() > *limit)
        co_return failure{errc::too_large, "larger than the store's values may be"};
    if (payload || seen == nullptr)
        co_return co_await swap_in(key, seen, next, payload.value_or(std::string_view()), now, by);
    // Where plain records are accepted, this may be one: then it is sealed now.
    if (plain_ == plain_records::refuse && seals_alike(*seen, next) && next.what != kind::ended) {
        const head marked = marked_sealed(next);
        co_return co_await keeper_->swap(key, seen, marked, std::nullopt, now, by);
    }
    auto found = co_await keeper_->load(key, by);
    if (!found)
        co_return found.error();
    if (!*found || (*found)->about.keep_until <= now || !is_unchanged(*seen, (*found)->about))
        co_return false;
    const auto opened = open(key.name, **std::move(found));
    if (!opened)
        co_return opened.error();
    co_return co_await swap_in(key, seen, next, opened->payload, now, by);
}

awaitable<result<std::optional<head>>> encrypt::end(const session_key& key, time_point now, time_point keep_until,
                                                    deadline by)
{
    auto before = co_await keeper_->end(key, now, keep_until, by);
    if (!before || !*before)
        co_return before;
    co_return std::optional(without_seal_mark(**std::move(before)));
}

awaitable<result<std::optional<head>>> encrypt::extend(const session_key& key, time_point now,
                                                       std::chrono::milliseconds keep_after_end, deadline by)
{
    auto moved = co_await keeper_->extend(key, now, keep_after_end, by);
    if (!moved || !*moved)
        co_return moved;
    co_return std::optional(without_seal_mark(**std::move(moved)));
}

awaitable<result<void>> encrypt::probe(deadline by)
{
    return keeper_->probe(by);
}

} // namespace coatcheck
