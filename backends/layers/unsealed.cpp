#include "backends/layers/unsealed.hpp"

#include "proto/sealed_payload.hpp"

#include <utility>

namespace coatcheck {

namespace {

failure no_keys()
{
    return {errc::unknown_key, "a record that is encrypted, and no key is configured"};
}

} // namespace

unsealed::unsealed(std::unique_ptr<backend> keeper) : keeper_(std::move(keeper)) {}

awaitable<result<std::optional<record>>> unsealed::load(const session_key& key, deadline by)
{
    auto found = co_await keeper_->load(key, by);
    if (found && *found && is_sealed(**found))
        co_return no_keys();
    co_return found;
}

awaitable<result<write>> unsealed::put(const session_key& key, const head_changes& changes, std::string_view payload,
                                       precondition when, time_point now, deadline by)
{
    if (changes.lock_token) {
        const auto found = co_await load(key, by);
        if (!found)
            co_return found.error();
    }
    auto done = co_await keeper_->put(key, changes, payload, when, now, by);
    if (done && done->what == write::outcome::refused && is_marked_sealed(done->about))
        co_return no_keys();
    co_return done;
}

awaitable<result<bool>> unsealed::swap(const session_key& key, const head* seen, const head& next,
                                       std::optional<std::string_view> payload, time_point now, deadline by)
{
    return keeper_->swap(key, seen, next, payload, now, by);
}

awaitable<result<std::optional<head>>> unsealed::end(const session_key& key, time_point now, time_point keep_until,
                                                     deadline by)
{
    auto before = co_await keeper_->end(key, now, keep_until, by);
    if (!before || !*before)
        co_return before;
    co_return std::optional(without_seal_mark(**std::move(before)));
}

awaitable<result<std::optional<head>>> unsealed::extend(const session_key& key, time_point now,
                                                        std::chrono::milliseconds keep_after_end, deadline by)
{
    auto moved = co_await keeper_->extend(key, now, keep_after_end, by);
    if (moved && *moved && is_marked_sealed(**moved))
        co_return no_keys();
    co_return moved;
}

awaitable<result<void>> unsealed::probe(deadline by)
{
    return keeper_->probe(by);
}

} // namespace coatcheck
