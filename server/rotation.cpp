#include "server/rotation.hpp"

#include "backends/transport/pause.hpp"
#include "proto/rotated_record.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

// A rotation that has not committed for so long never will: its daemon gave up long ago.
constexpr std::chrono::milliseconds longest_pending = 30s;

head alias_head(const head& old, const head& next, std::chrono::seconds grace, time_point now)
{
    head h;
    h.what = kind::alias;
    h.revision = old.revision + 1;
    h.data_version = old.data_version;
    h.created = old.created;
    h.last_seen = now;
    h.expires = now + grace;
    // As long as the new record may be pending, whoever reads that must find this.
    h.keep_until = next.keep_until;
    return h;
}

// One call of rotate(), attempt by attempt.
class attempt {
public:
    attempt(backend& keeper, lookup& places, const rotation& wanted, time_point now, deadline by)
        : keeper_(keeper), places_(places), wanted_(wanted), now_(now), by_(by)
    {}

    // Nothing if others were faster and it is to be tried again.
    awaitable<result<std::optional<rotated>>> run()
    {
        auto found = co_await places_.load(wanted_.from, now_, by_);
        if (!found)
            co_return found.error();
        if (!*found)
            co_return failure{errc::not_found, {}};
        record& old = **found;
        if (old.about.what == kind::pending) {
            auto settled = co_await places_.settle(wanted_.from, old, now_, by_);
            if (!settled)
                co_return settled.error();
            if (!*settled)
                co_return failure{errc::not_found, {}};
            old = *std::move(*settled);
        }
        if (old.about.what == kind::alias)
            co_return co_await follow(std::move(old), wanted_.old_id);
        if (!is_live(old.about, now_) || old.about.created < wanted_.changes.epoch)
            co_return failure{errc::ended, {}};
        if (is_locked_against(old.about, wanted_.changes.lock_token, now_))
            co_return rotated{{write::outcome::refused, errc::locked, std::move(old.about)}, {}, wanted_.from};
        co_return co_await move(old);
    }

    // Forgets the pending record of a rotation that did not come about.
    awaitable<void> withdraw()
    {
        if (pending_)
            static_cast<void>(
                co_await keeper_.swap(wanted_.to, &*pending_, tombstone(&*pending_, now_, now_), "", now_, by_));
    }

private:
    awaitable<result<std::optional<rotated>>> move(const record& old)
    {
        head_changes changes = wanted_.changes;
        changes.next = old.about.data_version;
        const bool other_subject = changes.subject && *changes.subject != old.about.subject;
        // An alias across a login would be session fixation.
        const auto grace = other_subject ? 0s : wanted_.grace;
        head next = apply(&old.about, changes, now_);
        next.what = kind::pending;
        const auto announced = co_await wanted_.announce(next);
        if (!announced)
            co_return announced.error();
        const auto written = co_await write_pending(next, old.payload);
        if (!written || !*written)
            co_return written.has_error() ? result<std::optional<rotated>>(written.error()) : std::nullopt;
        if ((*written)->what == write::outcome::refused)
            co_return rotated{**written, {}, wanted_.to};

        const head alias = alias_head(old.about, next, grace, now_);
        const std::string leads_on = make_alias(wanted_.to.name, wanted_.old_id, wanted_.new_id);
        const auto committed = co_await keeper_.swap(wanted_.from, &old.about, alias, leads_on, now_, by_);
        if (!committed) {
            pending_.reset(); // it may have been committed
            co_return committed.error();
        }
        if (!*committed)
            co_return std::nullopt;
        pending_.reset();
        co_return co_await finish(alias, std::move(next), old.payload);
    }

    // The pending record under the new id. Refused if somebody has that; nothing if another rotation to it is on its
    // way.
    awaitable<result<std::optional<write>>> write_pending(const head& next, std::string_view data)
    {
        const std::string payload = make_pending(wanted_.from.name, data);
        const auto done = co_await keeper_.swap(wanted_.to, pending_ ? &*pending_ : nullptr, next, payload, now_, by_);
        if (!done)
            co_return done.error();
        if (*done) {
            pending_ = next;
            co_return std::optional(write{write::outcome::created, {}, next});
        }
        pending_.reset();
        auto there = co_await places_.load(wanted_.to, now_, by_);
        if (!there)
            co_return there.error();
        if (!*there)
            co_return std::nullopt;
        head& about = (*there)->about;
        if (about.what == kind::pending) {
            if (about.last_seen + longest_pending < now_)
                pending_ = about;
            co_return std::nullopt;
        }
        const bool taken = is_live(about, now_);
        co_return std::optional(
            write{write::outcome::refused, taken ? errc::precondition_failed : errc::ended, std::move(about)});
    }

    // After the commit nothing fails any more: what is left undone, the next reader does.
    awaitable<result<std::optional<rotated>>> finish(const head& alias, head next, std::string_view data)
    {
        const head pending = next;
        next.what = kind::live;
        next.revision += 1;
        const auto live = co_await keeper_.swap(wanted_.to, &pending, next, data, now_, by_);
        if (live && *live) {
            head shorter = alias;
            shorter.revision += 1;
            shorter.keep_until = std::min(alias.keep_until, alias.expires + wanted_.changes.keep_after_end);
            static_cast<void>(co_await keeper_.swap(wanted_.from, &alias, shorter, std::nullopt, now_, by_));
        } else if (live) {
            auto settled = co_await places_.find(wanted_.to, wanted_.changes.epoch, now_, by_);
            if (!settled)
                co_return settled.error();
            next = std::move(settled->stored.about);
        }
        co_return rotated{{write::outcome::replaced, {}, std::move(next)}, wanted_.new_id, wanted_.to};
    }

    // The session was rotated already: within the grace everybody gets the new id, and the caller who asked for just
    // that id gets it whenever it comes.
    awaitable<result<std::optional<rotated>>> follow(record alias, std::string id)
    {
        session_key at = wanted_.from;
        while (alias.about.what == kind::alias) {
            const auto target = alias_target(alias.payload);
            if (!target)
                co_return failure{errc::corrupt, "an alias that leads nowhere"};
            if (now_ >= alias.about.expires && *target != wanted_.to.name) {
                places_.reused(at.name);
                co_return failure{errc::ended, {}};
            }
            auto next_id = open_alias(alias.payload, id);
            if (!next_id)
                co_return next_id.error();
            id = *std::move(next_id);
            at = {*target, std::nullopt};
            auto next = co_await places_.load(at, now_, by_);
            if (!next)
                co_return next.error();
            if (!*next)
                co_return failure{errc::ended, {}};
            alias = *std::move(*next);
        }
        auto found = co_await places_.follow(at, std::move(alias), wanted_.changes.epoch, now_, by_);
        if (!found)
            co_return found.error();
        if (at.name == wanted_.to.name)
            pending_.reset();
        co_return rotated{{write::outcome::replaced, {}, std::move(found->stored.about)}, std::move(id), at};
    }

    backend& keeper_;
    lookup& places_;
    const rotation& wanted_;
    const time_point now_;
    const deadline by_;
    std::optional<head> pending_; // ours, or one that was given up, under the new id
};

} // namespace

awaitable<result<rotated>> rotate(backend& keeper, lookup& places, const rotation& wanted, time_point now, deadline by)
{
    attempt next(keeper, places, wanted, now, by);
    for (auto longest_pause = 0ms;; longest_pause = std::min(2 * longest_pause + 1ms, 32ms)) {
        auto done = co_await next.run();
        if (done && *done) {
            if ((*done)->at.name != wanted.to.name)
                co_await next.withdraw();
            co_return *std::move(*done);
        }
        if (!done) {
            co_await next.withdraw();
            co_return done.error();
        }
        if (!co_await pause_at_most(longest_pause, by)) {
            co_await next.withdraw();
            co_return failure{errc::timed_out, "others kept changing the session until the deadline"};
        }
    }
}

} // namespace coatcheck
