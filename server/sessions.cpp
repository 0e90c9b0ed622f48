#include "server/sessions.hpp"

#include "backends/transport/pause.hpp"
#include "server/log.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

sessions::sessions(std::string name, std::size_t index, store_config settings, std::unique_ptr<backend> keeper,
                   metrics& counters)
    : name_(std::move(name)), index_(index), settings_(std::move(settings)), counters_(counters),
      keeper_(std::move(keeper), [this](circuit now, const failure& why) { circuit_changed(now, why); })
{}

void sessions::circuit_changed(circuit now, const failure& why)
{
    counters_.set_circuit(index_, now == circuit::open);
    if (now == circuit::open)
        log::warn("store away, circuit open", {{"store", name_}, {"error", why.detail}});
    else
        log::info("store back, circuit closed", {{"store", name_}});
}

template <class T>
awaitable<result<T>> sessions::measured(metrics::operation op, awaitable<result<T>> work)
{
    const auto begin = std::chrono::steady_clock::now();
    auto answer = co_await std::move(work);
    const auto thread = runtime::this_thread();
    counters_.count_operation(thread, index_, op, std::chrono::steady_clock::now() - begin);
    if (!answer) {
        counters_.count_error(thread, index_, op, answer.error().code);
        if (answer.error().code == errc::corrupt)
            counters_.count_unreadable(thread, index_);
    }
    co_return answer;
}

head_changes sessions::changes_of(session_settings&& settings) const
{
    head_changes changes;
    changes.next = make_version();
    changes.idle = settings.idle;
    changes.absolute = settings.absolute;
    const bool anonymous = !settings.subject || settings.subject->empty();
    changes.default_idle =
        anonymous && settings_.anonymous_idle_timeout ? *settings_.anonymous_idle_timeout : settings_.idle_timeout;
    // A login ends the short life of an anonymous session.
    if (!anonymous && settings_.anonymous_idle_timeout && !changes.idle)
        changes.idle = settings_.idle_timeout;
    changes.default_absolute = settings_.absolute_timeout;
    changes.subject = std::move(settings.subject);
    changes.label = std::move(settings.label);
    changes.keep_after_end = settings_.tombstone;
    return changes;
}

awaitable<result<record>> sessions::load(const session_key& key, reading how, time_point now)
{
    auto found = co_await measured(metrics::operation::load, keeper_.load(key, next_deadline()));
    if (!found)
        co_return found.error();
    if (!*found || (*found)->about.keep_until <= now)
        co_return failure{errc::not_found, {}};
    record& stored = **found;
    if (!is_live(stored.about, now))
        co_return failure{errc::ended, {}};
    if (how == reading::use && needs_extension(stored.about, now)) {
        auto moved = co_await measured(metrics::operation::extend,
                                       keeper_.extend(key, now, settings_.tombstone, next_deadline()));
        if (!moved) {
            // The data is good until it expires, so the use is served; the next one tries again.
            log::warn("extension not written", {{"store", name_}, {"error", moved.error().detail}});
        } else if (!*moved || !is_live(**moved, now)) {
            co_return failure{errc::ended, {}};
        } else {
            // The end that was moved is this session's, whatever else was written meanwhile.
            stored.about.expires = (*moved)->expires;
            stored.about.last_seen = (*moved)->last_seen;
        }
    }
    co_return std::move(stored);
}

awaitable<result<write>> sessions::write_record(const session_key& key, std::string_view payload,
                                                const head_changes& changes, precondition when, time_point now)
{
    const auto limit = keeper_.caps().max_payload;
    if (limit && payload.size() > *limit)
        co_return failure{errc::too_large, {}};
    auto written =
        co_await measured(metrics::operation::put, keeper_.put(key, changes, payload, when, now, next_deadline()));
    co_return written;
}

awaitable<result<write>> sessions::put(const session_key& key, std::string_view payload, session_settings settings,
                                       precondition when, time_point now)
{
    head_changes changes = changes_of(std::move(settings));
    changes.may_create = settings_.adopt_ids;
    co_return co_await write_record(key, payload, changes, when, now);
}

awaitable<result<write>> sessions::create(const session_key& key, std::string_view payload, session_settings settings,
                                          time_point now)
{
    const head_changes changes = changes_of(std::move(settings));
    co_return co_await write_record(key, payload, changes, precondition::absent(), now);
}

awaitable<result<record>> sessions::patch(const session_key& key, merging merge, session_settings settings,
                                          time_point now)
{
    using namespace std::chrono_literals;
    const deadline by = next_deadline();
    head_changes changes = changes_of(std::move(settings));
    changes.may_create = false;
    for (auto longest_pause = 0ms;; longest_pause = std::min(2 * longest_pause + 1ms, 32ms)) {
        auto before = co_await load(key, reading::peek, now);
        if (!before)
            co_return before.error();
        auto payload = merge(*before);
        if (!payload)
            co_return payload.error();
        const auto when = precondition::at_revision(before->about.revision);
        auto written = co_await write_record(key, *payload, changes, when, now);
        if (!written)
            co_return written.error();
        if (written->what != write::outcome::refused)
            co_return record{std::move(written->about), *std::move(payload)};
        if (written->why != errc::precondition_failed)
            co_return failure{written->why, {}};
        if (!co_await pause_at_most(longest_pause, by))
            co_return failure{errc::timed_out, "others kept changing the session until the deadline"};
    }
}

awaitable<result<void>> sessions::end(const session_key& key, time_point now)
{
    co_return co_await measured(metrics::operation::end,
                                keeper_.end(key, now, now + settings_.tombstone, next_deadline()));
}

awaitable<result<head>> sessions::touch(const session_key& key, time_point now)
{
    auto moved =
        co_await measured(metrics::operation::extend, keeper_.extend(key, now, settings_.tombstone, next_deadline()));
    if (!moved)
        co_return moved.error();
    if (!*moved || (*moved)->keep_until <= now)
        co_return failure{errc::not_found, {}};
    if (!is_live(**moved, now))
        co_return failure{errc::ended, {}};
    co_return std::move(**moved);
}

awaitable<result<void>> sessions::probe()
{
    co_return co_await keeper_.probe(next_deadline());
}

} // namespace coatcheck
