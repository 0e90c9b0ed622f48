#include "backends/memory/store.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace coatcheck::memory {

namespace {

// Enough records in each that what is true of the store is about true of its shards.
constexpr std::size_t bytes_per_shard = std::size_t{16} << 20U;
constexpr std::size_t most_shards = 64;

// Records of each shard: with all shards less than a millisecond of a thread that serves requests too.
constexpr std::size_t sweep_batch = 16;

// The stored head if it is still remembered at `now`.
std::optional<head> remembered(const stored_record* r, time_point now)
{
    return r != nullptr && r->keep_until() > now ? std::optional(r->about()) : std::nullopt;
}

const head* pointer(const std::optional<head>& h) noexcept
{
    return h ? &*h : nullptr;
}

} // namespace

store::store(std::size_t bound, when_full policy) : policy_(policy), sums_(bound)
{
    const std::size_t count = std::bit_floor(std::clamp(bound / bytes_per_shard, std::size_t{1}, most_shards));
    for (std::size_t i = 0; i < count; ++i)
        shards_.emplace_back(sums_);
}

std::size_t store::shard_index(const handle& name) const noexcept
{
    // The index hashes by the same bytes, which are text: fold them first.
    constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
    return (std::hash<handle>()(name) * golden >> 32U) & (shards_.size() - 1);
}

std::size_t store::max_payload() const noexcept
{
    const std::size_t around = stored_record::cost_of(max_subject_length + max_label_length + 15);
    return std::min<std::size_t>(sums_.live_bound() - around, std::numeric_limits<std::uint32_t>::max());
}

std::optional<record> store::load(const handle& name)
{
    shard& s = shards_[shard_index(name)];
    const std::lock_guard hold(s.mutex());
    stored_record* const r = s.find(name);
    if (r == nullptr)
        return std::nullopt;
    if (policy_ == when_full::evict_least_used)
        s.used(*r);
    return record{r->about(), std::string(r->payload())};
}

result<write> store::put(const handle& name, const head_changes& changes, std::string_view payload, precondition when,
                         time_point now)
{
    if (payload.size() > max_payload())
        return failure{errc::too_large, "the payload is larger than the whole memory:// store"};
    for (;;) {
        std::size_t missing = 0;
        if (auto answer = try_put(name, changes, payload, when, now, missing))
            return *std::move(answer);
        if (!make_room(name, missing, now))
            return failure{errc::full, "the memory:// store is full"};
    }
}

// Nothing if there is no room: then `missing` is how many bytes the write adds.
std::optional<write> store::try_put(const handle& name, const head_changes& changes, std::string_view payload,
                                    precondition when, time_point now, std::size_t& missing)
{
    shard& s = shards_[shard_index(name)];
    const std::lock_guard hold(s.mutex());
    stored_record* const old = s.find(name);
    std::optional<head> stored = remembered(old, now);
    if (const auto why = refusal(pointer(stored), when, changes, now))
        return write{write::outcome::refused, *why, std::move(stored).value_or(head{})};

    head next = apply(pointer(stored), changes, now);
    auto block = stored_record::make(name, next, payload);
    auto live = static_cast<std::ptrdiff_t>(block->cost());
    std::ptrdiff_t ended = 0;
    if (old != nullptr)
        (old->what() == kind::ended ? ended : live) -= static_cast<std::ptrdiff_t>(old->cost());
    if (!sums_.add(live, ended)) {
        missing = static_cast<std::size_t>(live);
        return std::nullopt;
    }
    s.replace(old, std::move(block));
    return write{stored ? write::outcome::replaced : write::outcome::created, {}, std::move(next)};
}

result<bool> store::swap(const handle& name, const head* seen, const head& next,
                         std::optional<std::string_view> payload, time_point now)
{
    if (payload && payload->size() > max_payload())
        return failure{errc::too_large, "the payload is larger than the whole memory:// store"};
    const bool is_end = next.what == kind::ended;
    for (bool made_room = false;; made_room = true) {
        std::size_t missing = 0;
        if (const auto answer = try_swap(name, seen, next, payload, now, is_end && made_room, missing))
            return *answer;
        if (is_end)
            make_room_for_tombstone(name, now);
        else if (!make_room(name, missing, now))
            return failure{errc::full, "the memory:// store is full"};
    }
}

// Nothing if there is no room, as try_put.
std::optional<bool> store::try_swap(const handle& name, const head* seen, const head& next,
                                    std::optional<std::string_view> payload, time_point now, bool whatever_it_costs,
                                    std::size_t& missing)
{
    shard& s = shards_[shard_index(name)];
    const std::lock_guard hold(s.mutex());
    stored_record* const old = s.find(name);
    const std::optional<head> stored = remembered(old, now);
    if (stored.has_value() != (seen != nullptr) || (stored && !is_unchanged(*seen, *stored)))
        return false;
    auto block = stored_record::make(name, next, payload ? *payload : old != nullptr ? old->payload() : "");
    std::ptrdiff_t live = 0;
    std::ptrdiff_t ended = 0;
    (next.what == kind::ended ? ended : live) += static_cast<std::ptrdiff_t>(block->cost());
    if (old != nullptr)
        (old->what() == kind::ended ? ended : live) -= static_cast<std::ptrdiff_t>(old->cost());
    if (!sums_.add(live, ended)) {
        if (!whatever_it_costs) {
            missing = static_cast<std::size_t>(live + ended);
            return std::nullopt;
        }
        sums_.add(live, 0);
        sums_.add_ended(static_cast<std::size_t>(ended));
    }
    s.replace(old, std::move(block));
    return true;
}

std::optional<head> store::end(const handle& name, time_point now, time_point keep_until)
{
    std::optional<head> before;
    if (!try_end(name, now, keep_until, false, before)) {
        make_room_for_tombstone(name, now);
        // Another thread may have been quicker to take the room: its tombstone and this one both stay.
        try_end(name, now, keep_until, true, before);
    }
    return before;
}

bool store::try_end(const handle& name, time_point now, time_point keep_until, bool whatever_it_costs,
                    std::optional<head>& before)
{
    shard& s = shards_[shard_index(name)];
    const std::lock_guard hold(s.mutex());
    stored_record* const old = s.find(name);
    before = remembered(old, now);
    if (before && before->what == kind::alias)
        return true;
    const head next = tombstone(pointer(before), now, keep_until);
    if (old != nullptr && old->what() == kind::ended) {
        s.set(*old, next);
        return true;
    }
    auto block = stored_record::make(name, next, {});
    const std::size_t cost = block->cost();
    const std::ptrdiff_t live = old != nullptr ? -static_cast<std::ptrdiff_t>(old->cost()) : 0;
    if (!sums_.add(live, static_cast<std::ptrdiff_t>(cost))) {
        if (!whatever_it_costs)
            return false;
        sums_.add_ended(cost);
    }
    s.replace(old, std::move(block));
    return true;
}

std::optional<head> store::extend(const handle& name, time_point now, std::chrono::milliseconds keep_after_end)
{
    shard& s = shards_[shard_index(name)];
    const std::lock_guard hold(s.mutex());
    stored_record* const r = s.find(name);
    if (r == nullptr)
        return std::nullopt;
    head h = r->about();
    if (is_live(h, now) && needs_extension(h, now)) {
        h = extended(h, keep_after_end, now);
        s.set(*r, h);
    } else if (policy_ == when_full::evict_least_used) {
        s.used(*r);
    }
    return h;
}

bool store::drop_forgotten(time_point now)
{
    bool more = false;
    for (shard& s : shards_) {
        const std::lock_guard hold(s.mutex());
        more |= s.drop_forgotten(now, sweep_batch) == sweep_batch;
    }
    return more;
}

// Lets `drop(shard, bytes)` free `bytes` in one shard after the other, that of `first` first; how many came free.
template <class Drop>
std::size_t store::drop_from_all(const handle& first, std::size_t bytes, Drop drop)
{
    const std::size_t start = shard_index(first);
    std::size_t freed = 0;
    for (std::size_t i = 0; freed < bytes && i < shards_.size(); ++i) {
        shard& s = shards_[(start + i) & (shards_.size() - 1)];
        const std::lock_guard hold(s.mutex());
        freed += drop(s, bytes - freed);
    }
    return freed;
}

// For a live record: what has expired goes first, then tombstones beyond their reserve, then, if that was asked for,
// the sessions used longest ago. False if nothing came free.
bool store::make_room(const handle& name, std::size_t bytes, time_point now)
{
    std::size_t freed = drop_from_all(name, bytes, [&](shard& s, std::size_t b) { return s.drop_expired(now, b); });
    if (freed >= bytes)
        return true;
    const std::size_t left = bytes - freed;
    if (sums_.live_fits(left))
        freed += drop_from_all(name, left, [](shard& s, std::size_t b) { return s.drop_oldest_ended(b); });
    else if (policy_ == when_full::evict_least_used)
        freed += drop_from_all(name, left, [&](shard& s, std::size_t b) { return s.drop_least_used(b, name); });
    return freed > 0;
}

void store::make_room_for_tombstone(const handle& name, time_point now)
{
    const std::size_t bytes = stored_record::cost_of(0);
    const auto expired = [&](shard& s, std::size_t b) { return s.drop_expired(now, b); };
    const auto oldest_ended = [](shard& s, std::size_t b) { return s.drop_oldest_ended(b); };
    if (drop_from_all(name, bytes, expired) < bytes)
        drop_from_all(name, bytes, oldest_ended);
}

} // namespace coatcheck::memory
