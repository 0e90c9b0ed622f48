#include "tests/conformance/reference.hpp"

namespace coatcheck::conformance {

const head* reference::remembered(const handle& name, time_point now) const
{
    const auto found = records_.find(name);
    return found != records_.end() && found->second.about.keep_until > now ? &found->second.about : nullptr;
}

write reference::put(const handle& name, const head_changes& changes, std::string_view payload, precondition when,
                     time_point now)
{
    const head* stored = remembered(name, now);
    if (const auto why = refusal(stored, when, changes, now))
        return {write::outcome::refused, *why, stored != nullptr ? *stored : head{}};
    const auto what = stored != nullptr ? write::outcome::replaced : write::outcome::created;
    const head next = apply(stored, changes, now);
    records_[name] = {next, std::string(payload)};
    return {what, {}, next};
}

bool reference::swap(const handle& name, const head* seen, const head& next, std::optional<std::string_view> payload,
                     time_point now)
{
    const head* stored = remembered(name, now);
    if ((stored != nullptr) != (seen != nullptr) || (seen != nullptr && !is_unchanged(*seen, *stored)))
        return false;
    record& r = records_[name];
    r = {next, payload ? std::string(*payload) : stored != nullptr ? r.payload : ""};
    return true;
}

std::optional<head> reference::end(const handle& name, time_point now, time_point keep_until)
{
    const head* const stored = remembered(name, now);
    const auto before = stored != nullptr ? std::optional(*stored) : std::nullopt;
    if (!before || before->what != kind::alias)
        records_[name] = {tombstone(stored, now, keep_until), ""};
    return before;
}

std::optional<head> reference::extend(const handle& name, time_point now, std::chrono::milliseconds keep_after_end)
{
    const head* stored = remembered(name, now);
    if (stored == nullptr)
        return std::nullopt;
    if (is_live(*stored, now) && needs_extension(*stored, now))
        records_[name].about = extended(*stored, keep_after_end, now);
    return records_[name].about;
}

std::optional<record> reference::load(const handle& name, time_point now) const
{
    return remembered(name, now) != nullptr ? std::optional(records_.at(name)) : std::nullopt;
}

} // namespace coatcheck::conformance
