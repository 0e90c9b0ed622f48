#include "server/rotation.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "proto/rotated_record.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

// How often another rotation to the same id is found on its way before it is taken for one that stopped: each time
// costs more calls than it needs to be through.
constexpr unsigned most_meetings = 6;

// The alias is kept for `keep` past its grace, and longer as long as it has to tell what became of the pending record.
head alias_head(const head& old, const head& next, std::chrono::seconds grace, std::chrono::milliseconds keep,
                time_point now)
{
    head h;
    h.what = kind::alias;
    h.revision = old.revision + 1;
    h.data_version = old.data_version;
    h.subject = old.subject;
    h.created = old.created;
    h.last_seen = now;
    // Without grace it leads nobody on, not even a request that was slower or a daemon whose clock is.
    h.expires = grace > 0s ? now + grace : time_point{};
    h.keep_until = std::max(next.keep_until, now + grace + keep);
    return h;
}

// One call of rotate(), attempt by attempt.
class attempt {
public:
    attempt(backend& keeper, lookup& places, const rotation& wanted, time_point now, deadline by)
        : keeper_(keeper), places_(places), wanted_(wanted), from_(wanted.from), old_id_(wanted.old_id), now_(now),
          by_(by)
    {}

    // Nothing if others were faster and it is to be tried again.
    awaitable<result<std::optional<rotated>>> run()
    {
        auto found = co_await places_.load(from_, now_, by_);
        if (!found)
            co_return found.error();
        if (!*found)
            co_return failure{errc::not_found, {}};
        record& old = **found;
        if (old.about.what == kind::pending) {
            auto settled = co_await places_.settle(from_, old, now_, by_);
            if (!settled)
                co_return settled.error();
            if (!*settled)
                co_return failure{errc::not_found, {}};
            old = *std::move(*settled);
        }
        if (old.about.what == kind::alias)
            co_return co_await follow(std::move(old));
        if (!is_live(old.about, now_) || old.about.created < wanted_.changes.epoch)
            co_return failure{errc::ended, {}};
        if (is_locked_against(old.about, wanted_.changes.lock_token, now_))
            co_return rotated{{write::outcome::refused, errc::locked, std::move(old.about)}, {}, from_};
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
        // An alias across a login would be session fixation.
        const auto grace = changes_subject(old.about) ? 0s : wanted_.grace;
        head next = apply(&old.about, changes, now_);
        next.what = kind::pending;
        const auto announced = co_await wanted_.announce(from_.name, old.about, next);
        if (!announced)
            co_return announced.error();
        const auto written = co_await write_pending(next, old.payload);
        if (!written || !*written)
            co_return written.has_error() ? result<std::optional<rotated>>(written.error()) : std::nullopt;
        if ((*written)->what == write::outcome::refused) {
            // Unless it is the session that we read: then somebody else rotated it to this id just now.
            const auto still = co_await places_.load(from_, now_, by_);
            if (!still)
                co_return still.error();
            if (!*still || !is_unchanged(old.about, (*still)->about))
                co_return std::nullopt;
            co_return rotated{**written, {}, wanted_.to};
        }

        const auto keep = wanted_.changes.keep_after_end;
        const head alias = alias_head(old.about, next, grace, keep, now_);
        const std::string leads_on = make_alias(wanted_.to.name, old_id_, wanted_.new_id);
        const auto committed = co_await keeper_.swap(from_, &old.about, alias, leads_on, now_, by_);
        if (!committed) {
            pending_.reset(); // it may have been committed
            co_return committed.error();
        }
        if (!*committed)
            co_return std::nullopt;
        pending_.reset();
        co_return co_await finish(alias, now_ + grace + keep, std::move(next), old.payload);
    }

    // The pending record under the new id. Refused if somebody has that, or had; nothing if another rotation to it is
    // in the way.
    awaitable<result<std::optional<write>>> write_pending(const head& next, std::string_view data)
    {
        const std::string payload = make_pending(from_.name, data);
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
        if ((*there)->about.what == kind::pending) {
            const auto cleared = co_await clear(**there);
            co_return cleared ? result<std::optional<write>>(std::nullopt) : cleared.error();
        }
        co_return std::optional(write{write::outcome::refused, errc::precondition_failed, std::move((*there)->about)});
    }

    // Another rotation's pending record is under the new id. Makes it ours to replace once that can be committed no
    // more; sees to that, if it seems to have stopped, by a new revision of the record that it would have to swap.
    awaitable<result<void>> clear(const record& other)
    {
        const auto settled = co_await places_.settle(wanted_.to, other, now_, by_);
        if (!settled)
            co_return settled.error();
        if (*settled)
            co_return result<void>(); // a session, which refuses us next time
        const session_key source{parse_pending(other.payload)->source, std::nullopt};
        const auto old = co_await places_.load(source, now_, by_);
        if (!old)
            co_return old.error();
        if (*old && (*old)->about.revision + 1 == other.about.revision) {
            if (++meetings_ < most_meetings)
                co_return result<void>();
            meetings_ = 0;
            head fenced = (*old)->about;
            fenced.revision += 1;
            const auto done = co_await keeper_.swap(source, &(*old)->about, fenced, std::nullopt, now_, by_);
            if (!done)
                co_return done.error();
            if (!*done)
                co_return result<void>();
        } else if (*old && (*old)->about.what == kind::alias && alias_target((*old)->payload) == wanted_.to.name) {
            co_return result<void>(); // committed just now
        }
        pending_ = other.about;
        co_return result<void>();
    }

    // After the commit nothing fails any more: what is left undone, the next reader does.
    awaitable<result<std::optional<rotated>>> finish(const head& alias, time_point keep_alias_until, head next,
                                                     std::string_view data)
    {
        const head pending = next;
        next.what = kind::live;
        next.revision += 1;
        const auto live = co_await keeper_.swap(wanted_.to, &pending, next, data, now_, by_);
        if (live && *live) {
            head shorter = alias;
            shorter.revision += 1;
            shorter.keep_until = keep_alias_until;
            static_cast<void>(co_await keeper_.swap(from_, &alias, shorter, std::nullopt, now_, by_));
        } else if (live) {
            auto settled = co_await places_.find(wanted_.to, wanted_.changes.epoch, now_, by_);
            if (!settled)
                co_return settled.error();
            next = std::move(settled->stored.about);
        }
        co_return rotated{{write::outcome::replaced, {}, std::move(next)}, wanted_.new_id, wanted_.to};
    }

    // The session was rotated already: within the grace everybody gets the new id, and the caller who asked for just
    // that id gets it whenever it comes. A change of subject is not done by another's rotation: it rotates on from
    // there.
    awaitable<result<std::optional<rotated>>> follow(record alias)
    {
        session_key at = from_;
        std::string id = old_id_;
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
            if (!*next || (!leads_on(alias.about, (*next)->about) && at.name != wanted_.to.name))
                co_return failure{errc::ended, {}};
            alias = *std::move(*next);
        }
        auto found = co_await places_.follow(at, std::move(alias), wanted_.changes.epoch, now_, by_);
        if (!found)
            co_return found.error();
        const bool undone = changes_subject(found->stored.about);
        if (at.name == wanted_.to.name) {
            pending_.reset();
            if (undone)
                co_return rotated{
                    {write::outcome::refused, errc::precondition_failed, std::move(found->stored.about)}, {}, at};
        } else if (undone) {
            from_ = std::move(at);
            old_id_ = std::move(id);
            co_return std::nullopt;
        }
        co_return rotated{{write::outcome::replaced, {}, std::move(found->stored.about)}, std::move(id), at};
    }

    bool changes_subject(const head& old) const
    {
        return wanted_.changes.subject && *wanted_.changes.subject != old.subject;
    }

    backend& keeper_;
    lookup& places_;
    const rotation& wanted_;
    session_key from_; // where the session is: at wanted_.from, or where the aliases of that led
    std::string old_id_;
    const time_point now_;
    const deadline by_;
    std::optional<head> pending_; // ours, or one that never becomes a session, under the new id
    unsigned meetings_ = 0;
};

} // namespace

awaitable<result<rotated>> rotate(backend& keeper, lookup& places, const rotation& wanted, time_point now, deadline by)
{
    attempt next(keeper, places, wanted, now, by);
    for (unsigned lost = 0;; ++lost) {
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
        if (!co_await pause_at_most(longest_pause(lost), by)) {
            co_await next.withdraw();
            co_return too_many_lost();
        }
    }
}

} // namespace coatcheck
