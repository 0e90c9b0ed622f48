#include "server/sessions.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "proto/rotated_record.hpp"
#include "server/log.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

sessions::sessions(std::string name, std::size_t index, store_config settings, std::unique_ptr<backend> keeper,
                   metrics& counters, event_log& events)
    : name_(std::move(name)), index_(index), settings_(std::move(settings)), counters_(counters), events_(events),
      breaker_(std::move(keeper), [this](circuit now, const failure& why) { circuit_changed(now, why); }),
      keeper_(breaker_, index_, counters_),
      places_(keeper_,
              [this](const handle& old) {
                  counters_.count_reuse(runtime::this_thread(), index_);
                  log::warn("old id used after its rotation", {{"store", name_}, {"handle", old.str()}});
              }),
      epoch_(keeper_),
      subjects_(keeper_, places_, epoch_, settings_, [this](const handle& name, const head& before, time_point now) {
          waiting_.wake_first(name);
          events_.add({.what = event::happening::ended,
                       .why = event::reason::revoked,
                       .at = now,
                       .store = name_,
                       .session = name,
                       .subject = before.subject});
      })
{}

capabilities sessions::caps() const noexcept
{
    capabilities c = keeper_.caps();
    if (c.max_payload)
        *c.max_payload -= std::min(*c.max_payload, pending_overhead);
    return c;
}

void sessions::circuit_changed(circuit now, const failure& why)
{
    counters_.set_circuit(index_, now == circuit::open);
    if (now == circuit::open)
        log::warn("store away, circuit open", {{"store", name_}, {"error", why.detail}});
    else
        log::info("store back, circuit closed", {{"store", name_}});
}

awaitable<result<head_changes>> sessions::changes_of(session_settings&& settings, time_point now, deadline by)
{
    const auto epoch = co_await epoch_.current(now, by);
    if (!epoch)
        co_return epoch.error();
    head_changes changes;
    changes.epoch = *epoch;
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
    changes.lock_token = settings.lock_token;
    changes.keep_after_end = settings_.tombstone;
    co_return changes;
}

awaitable<result<found_session>> sessions::load(const session_key& key, reading how, time_point now)
{
    const deadline by = next_deadline();
    const auto epoch = co_await epoch_.current(now, by);
    if (!epoch)
        co_return epoch.error();
    auto found = co_await places_.find(key, *epoch, now, by);
    if (!found)
        co_return found.error();
    record& stored = found->stored;
    if (how == reading::use && needs_extension(stored.about, now)) {
        auto moved = co_await keeper_.extend(found->at, now, settings_.tombstone, next_deadline());
        if (!moved) {
            // The data is good until it expires, so the use is served; the next one tries again.
            log::warn("extension not written", {{"store", name_}, {"error", moved.error().detail}});
        } else if (*moved && is_live(**moved, now)) {
            co_await subjects_.keep(found->at, **moved, false, now, by);
            // The end that was moved is this session's, whatever else was written meanwhile.
            stored.about.expires = (*moved)->expires;
            stored.about.last_seen = (*moved)->last_seen;
        } else if (!*moved || (*moved)->what != kind::alias) {
            co_return failure{errc::ended, {}};
        }
    }
    co_return found;
}

awaitable<std::optional<std::string>> sessions::current_id(const session_key& key, std::string_view id, time_point now)
{
    auto found = co_await places_.current_id(key, std::string(id), now, next_deadline());
    co_return found ? *std::move(found) : std::nullopt;
}

awaitable<result<write>> sessions::write_record(session_key key, std::string_view payload, const head_changes& changes,
                                                precondition when, time_point now, deadline by)
{
    const auto limit = caps().max_payload;
    if (limit && payload.size() > *limit)
        co_return failure{errc::too_large, {}};
    for (;;) {
        if (changes.subject && !changes.subject->empty()) {
            const auto idle = changes.idle.value_or(changes.default_idle);
            const auto entered =
                co_await subjects_.enter(*changes.subject, key.name, nullptr, idle, changes.epoch, now, by);
            if (!entered)
                co_return entered.error();
        }
        auto written = co_await keeper_.put(key, changes, payload, when, now, by);
        const bool elsewhere = written && written->what == write::outcome::refused && written->why == errc::ended &&
                               (written->about.what == kind::alias || written->about.what == kind::pending);
        if (!elsewhere) {
            if (written && written->what == write::outcome::created)
                events_.add({.what = event::happening::created,
                             .at = now,
                             .store = name_,
                             .session = key.name,
                             .subject = written->about.subject});
            if (written && written->what == write::outcome::replaced) {
                const bool lives_longer =
                    changes.idle || (changes.subject && written->about.idle > changes.default_idle);
                co_await subjects_.keep(key, written->about, lives_longer, now, by);
            }
            co_return written;
        }
        auto found = co_await places_.find(key, changes.epoch, now, by);
        if (!found && found.error().code == errc::not_found)
            co_return write{write::outcome::refused, errc::ended, {}};
        if (!found)
            co_return found.error();
        key = std::move(found->at);
    }
}

awaitable<result<write>> sessions::put(const session_key& key, std::string_view payload, session_settings settings,
                                       precondition when, time_point now)
{
    const deadline by = next_deadline();
    auto changes = co_await changes_of(std::move(settings), now, by);
    if (!changes)
        co_return changes.error();
    changes->may_create = settings_.adopt_ids;
    co_return co_await write_record(key, payload, *changes, when, now, by);
}

awaitable<result<write>> sessions::create(const session_key& key, std::string_view payload, session_settings settings,
                                          time_point now)
{
    const deadline by = next_deadline();
    const auto changes = co_await changes_of(std::move(settings), now, by);
    if (!changes)
        co_return changes.error();
    co_return co_await write_record(key, payload, *changes, precondition::absent(), now, by);
}

awaitable<result<sessions::merged>> sessions::patch(const session_key& key, merging merge, session_settings settings,
                                                    time_point now)
{
    const deadline by = next_deadline();
    auto changes = co_await changes_of(std::move(settings), now, by);
    if (!changes)
        co_return changes.error();
    changes->may_create = false;
    for (unsigned lost = 0;; ++lost) {
        auto before = co_await places_.find(key, changes->epoch, now, by);
        if (!before)
            co_return before.error();
        auto payload = merge(before->stored);
        if (!payload)
            co_return payload.error();
        const auto when = precondition::at_revision(before->stored.about.revision);
        auto written = co_await write_record(before->at, *payload, *changes, when, now, by);
        if (!written)
            co_return written.error();
        if (written->what != write::outcome::refused || written->why != errc::precondition_failed)
            co_return merged{*std::move(written), *std::move(payload)};
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return too_many_lost();
    }
}

awaitable<result<rotated>> sessions::rotate(rotation ids, session_settings settings, time_point now)
{
    const deadline by = next_deadline();
    auto changes = co_await changes_of(std::move(settings), now, by);
    if (!changes)
        co_return changes.error();
    ids.changes = *std::move(changes);
    handle old_name = ids.from.name;
    std::string old_subject;
    ids.announce = [&](const handle& from, const head& old, const head& next) -> awaitable<result<void>> {
        old_name = from;
        old_subject = old.subject;
        if (next.subject.empty())
            co_return result<void>();
        co_return co_await subjects_.enter(next.subject, ids.to.name, &from, next.idle, ids.changes.epoch, now, by);
    };
    auto done = co_await coatcheck::rotate(keeper_, places_, ids, now, by);
    if (done && done->done.what != write::outcome::refused && done->at.name == ids.to.name) {
        events_.add({.what = event::happening::rotated,
                     .at = now,
                     .store = name_,
                     .session = old_name,
                     .subject = done->done.about.subject,
                     .to = ids.to.name});
        co_await subjects_.leave(old_subject, old_name, now, by);
    }
    co_return done;
}

awaitable<result<std::optional<inspection>>> sessions::look_at(const session_key& key, time_point now)
{
    const deadline by = next_deadline();
    const auto epoch = co_await epoch_.current(now, by);
    if (!epoch)
        co_return epoch.error();
    auto found = co_await places_.load(key, now, by);
    if (found && (!*found || is_own((*found)->about)))
        co_return std::nullopt;
    auto seen = found ? inspect(**std::move(found), *epoch, now) : inspect(found.error());
    if (!seen)
        co_return found.error();
    co_return seen;
}

awaitable<result<void>> sessions::end_at(const session_key& key, time_point now)
{
    const auto found = co_await places_.load(key, now, next_deadline());
    if (!found && !inspect(found.error()))
        co_return found.error();
    if (epoch::is_place(key.name) || (found && *found && is_own((*found)->about)))
        co_return failure{errc::not_found, {}};
    co_return co_await end(key, now);
}

awaitable<result<void>> sessions::end(const session_key& key, time_point now)
{
    const deadline by = next_deadline();
    const auto before = co_await keeper_.end(key, now, now + settings_.tombstone, by);
    if (!before)
        co_return before.error();
    waiting_.wake_first(key.name);
    if (!*before || (*before)->what != kind::alias) {
        // What end-all ended has been over since.
        const auto epoch = co_await epoch_.current(now, by);
        if (*before && is_live(**before, now) && (!epoch || (*before)->created >= *epoch)) {
            events_.add({.what = event::happening::ended,
                         .why = event::reason::deleted,
                         .at = now,
                         .store = name_,
                         .session = key.name,
                         .subject = (*before)->subject});
            co_await subjects_.leave((*before)->subject, key.name, now, by);
        }
        co_return result<void>();
    }
    co_return co_await end_alias(key, **before, now, by);
}

// The session that an alias leads to, within its grace, and the alias after it. One that cannot be read leads nowhere.
awaitable<result<void>> sessions::end_alias(const session_key& key, const head& about, time_point now, deadline by)
{
    const auto alias = co_await places_.load(key, now, by);
    if (!alias && !is_unreadable(alias.error().code))
        co_return alias.error();
    if (alias && (!*alias || (*alias)->about.what != kind::alias || now >= (*alias)->about.expires))
        co_return result<void>();
    if (const auto target = alias ? alias_target((*alias)->payload) : std::nullopt) {
        const auto ended = co_await end({*target, std::nullopt}, now);
        if (!ended)
            co_return ended.error();
    }
    // If it changed meanwhile, it was this that somebody else did.
    const auto done =
        co_await keeper_.swap(key, &about, tombstone(&about, now, now + settings_.tombstone), "", now, by);
    if (!done)
        co_return done.error();
    co_return result<void>();
}

awaitable<result<head>> sessions::touch(const session_key& key, time_point now)
{
    const deadline by = next_deadline();
    const auto epoch = co_await epoch_.current(now, by);
    if (!epoch)
        co_return epoch.error();
    session_key at = key;
    for (;;) {
        auto moved = co_await keeper_.extend(at, now, settings_.tombstone, by);
        if (!moved)
            co_return moved.error();
        if (!*moved || (*moved)->keep_until <= now)
            co_return failure{errc::not_found, {}};
        head& about = **moved;
        if (about.what == kind::alias || about.what == kind::pending) {
            auto found = co_await places_.find(at, *epoch, now, by);
            if (!found)
                co_return found.error();
            at = std::move(found->at);
            continue;
        }
        if (!is_live(about, now) || about.created < *epoch)
            co_return failure{errc::ended, {}};
        co_await subjects_.keep(at, about, false, now, by);
        co_return std::move(about);
    }
}

awaitable<result<void>> sessions::end_all(time_point before, time_point now)
{
    co_return co_await epoch_.advance(before, now, next_deadline());
}

awaitable<result<void>> sessions::probe()
{
    co_return co_await keeper_.probe(next_deadline());
}

} // namespace coatcheck
