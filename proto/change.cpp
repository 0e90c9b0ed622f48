#include "proto/change.hpp"

#include <algorithm>

namespace coatcheck {

time_point next_expiry(std::chrono::seconds idle, time_point absolute_end, time_point now) noexcept
{
    const std::chrono::milliseconds full = idle;
    return std::max(now, std::min(now + full + full / 10, absolute_end));
}

bool needs_extension(const head& h, time_point now) noexcept
{
    return h.expires - now < h.idle && h.expires < h.absolute_end;
}

bool is_live(const head& h, time_point now) noexcept
{
    return h.what == kind::live && now < h.expires;
}

bool is_locked_against(const head& h, std::optional<std::uint64_t> token, time_point now) noexcept
{
    return token ? *token != h.lock_token : h.locked_until > now;
}

namespace {

bool holds(const precondition& when, const head& stored) noexcept
{
    switch (when.what()) {
    case precondition::test::none:
    case precondition::test::exists:
        return true;
    case precondition::test::absent:
        return false;
    case precondition::test::same_version:
        return stored.data_version.bits == when.value();
    case precondition::test::same_revision:
        return stored.revision == when.value();
    }
    return false;
}

} // namespace

std::optional<errc> refusal(const head* stored, const precondition& when, const head_changes& changes,
                            time_point now) noexcept
{
    using test = precondition::test;
    if (stored == nullptr || stored->keep_until <= now) {
        if (when.what() == test::none || when.what() == test::absent)
            return changes.may_create ? std::nullopt : std::optional(errc::not_found);
        return errc::precondition_failed;
    }
    if (!is_live(*stored, now) || stored->created < changes.epoch)
        return errc::ended;
    if (!holds(when, *stored))
        return errc::precondition_failed;
    return is_locked_against(*stored, changes.lock_token, now) ? std::optional(errc::locked) : std::nullopt;
}

bool is_unchanged(const head& seen, const head& stored) noexcept
{
    return seen.revision == stored.revision && seen.data_version == stored.data_version;
}

head apply(const head* stored, const head_changes& changes, time_point now)
{
    head h;
    if (stored != nullptr) {
        h = *stored;
    } else {
        h.created = now;
        h.idle = changes.default_idle;
        if (changes.default_absolute)
            h.absolute_end = now + *changes.default_absolute;
    }
    h.what = kind::live;
    h.revision += 1;
    h.data_version = changes.next;
    h.last_seen = now;
    if (changes.idle)
        h.idle = *changes.idle;
    if (changes.absolute)
        h.absolute_end = h.created + *changes.absolute;
    if (changes.subject)
        h.subject = *changes.subject;
    if (changes.label)
        h.label = *changes.label;
    h.expires = next_expiry(h.idle, h.absolute_end, now);
    h.keep_until = h.expires + changes.keep_after_end;
    return h;
}

head extended(const head& stored, std::chrono::milliseconds keep_after_end, time_point now)
{
    head h = stored;
    h.revision += 1;
    h.last_seen = now;
    h.expires = next_expiry(h.idle, h.absolute_end, now);
    h.keep_until = h.expires + keep_after_end;
    return h;
}

head tombstone(const head* stored, time_point now, time_point keep_until)
{
    head h;
    h.what = kind::ended;
    h.revision = stored != nullptr ? stored->revision + 1 : 1;
    h.created = stored != nullptr ? stored->created : now;
    h.last_seen = now;
    h.expires = now;
    h.keep_until =
        stored != nullptr && stored->what == kind::ended ? std::max(stored->keep_until, keep_until) : keep_until;
    return h;
}

} // namespace coatcheck
