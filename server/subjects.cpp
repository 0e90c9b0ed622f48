#include "server/subjects.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "proto/rotated_record.hpp"
#include "server/log.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

// Who has written an entry writes the record next. One without a record belongs to nobody after this.
constexpr std::chrono::milliseconds longest_flight = 1min;

// A session is written at least once in 1.1 idle timeouts, or it ends: within twenty of them, twice eight times.
constexpr std::uint64_t writes_between_renewals = 8;

bool is_recent(const subject_entry& entry, time_point now) noexcept
{
    return entry.added + longest_flight > now;
}

std::string cursor_of(const subject_entry& entry)
{
    return std::to_string(entry.added.time_since_epoch().count());
}

std::optional<time_point> parse_cursor(std::string_view text)
{
    std::int64_t ms = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), ms);
    if (ec != std::errc{} || end != text.data() + text.size() || ms < 0)
        return std::nullopt;
    return time_point{std::chrono::milliseconds{ms}};
}

failure cannot_list()
{
    return {errc::unsupported, "the store lists no subjects"};
}

} // namespace

awaitable<result<subjects::seen>> subjects::look(const subject_entry& entry, const std::string& subject,
                                                 time_point epoch, time_point now, deadline by)
{
    const session_key key{entry.name, std::nullopt};
    const seen nobody{is_recent(entry, now) ? presence::in_flight : presence::gone, std::nullopt};
    auto found = co_await places_.load(key, now, by);
    if (!found)
        co_return found.error();
    if (!*found)
        co_return nobody;
    record stored = *std::move(*found);
    if (stored.about.what == kind::pending) {
        auto settled = co_await places_.settle(key, stored, now, by);
        if (!settled)
            co_return settled.error();
        if (!*settled)
            co_return nobody;
        stored = *std::move(*settled);
    }
    if (!is_live(stored.about, now) || stored.about.created < epoch)
        co_return seen{presence::gone, std::nullopt};
    if (stored.about.subject != subject)
        co_return nobody;
    co_return seen{presence::live, found_session{key, std::move(stored)}};
}

awaitable<result<void>> subjects::enter(const std::string& subject, const handle& name, const handle* replaces,
                                        std::chrono::seconds idle, time_point epoch, time_point now, deadline by)
{
    if (!keeper_.caps().lists_subjects)
        co_return result<void>();
    const auto all = co_await index_.add(subject, name, idle, now, by);
    if (!all)
        co_return all.error();
    if (settings_.max_per_subject == 0 || all->size() <= settings_.max_per_subject)
        co_return result<void>();
    co_return co_await make_room(subject, name, replaces, *all, epoch, now, by);
}

// All who come at once see the same order, that of the entries, so they agree on whom it hits.
awaitable<result<void>> subjects::make_room(const std::string& subject, const handle& name, const handle* replaces,
                                            const std::vector<subject_entry>& all, time_point epoch, time_point now,
                                            deadline by)
{
    std::vector<subject_entry> taken; // those that count, the oldest first
    std::vector<handle> gone;
    for (const auto& entry : all) {
        if (replaces != nullptr && entry.name == *replaces)
            continue;
        presence what = presence::in_flight;
        if (entry.name != name) {
            const auto there = co_await look(entry, subject, epoch, now, by);
            const bool unreadable = !there && is_unreadable(there.error().code);
            if (!there && !unreadable)
                co_return there.error();
            what = unreadable ? presence::gone : there->what;
        }
        what == presence::gone ? gone.push_back(entry.name) : taken.push_back(entry);
    }
    const auto mine = std::ranges::find(taken, name, &subject_entry::name);
    const auto most = static_cast<std::ptrdiff_t>(settings_.max_per_subject);
    const bool too_many = std::ssize(taken) > most;
    if (too_many && settings_.too_many == when_too_many::refuse && mine - taken.begin() >= most) {
        gone.push_back(name);
        static_cast<void>(co_await index_.remove(subject, gone, now, by));
        co_return failure{errc::too_many_sessions, {}};
    }
    if (too_many && settings_.too_many == when_too_many::end_oldest) {
        const ending oldest{subject, std::nullopt, std::nullopt, epoch, now};
        for (auto entry = taken.begin(); entry != taken.end() - most; ++entry) {
            if (entry->name == name)
                continue;
            const auto done = co_await end_entry(*entry, oldest);
            if (!done)
                co_return done.error();
            gone.push_back(entry->name);
        }
    }
    if (!gone.empty())
        static_cast<void>(co_await index_.remove(subject, gone, now, by));
    co_return result<void>();
}

awaitable<void> subjects::keep(const session_key& at, const head& about, bool idle_changed, time_point now, deadline by)
{
    if (about.subject.empty() || (about.revision % writes_between_renewals != 0 && !idle_changed) ||
        !keeper_.caps().lists_subjects)
        co_return;
    const auto done = co_await index_.add(about.subject, at.name, about.idle, now, by);
    if (!done)
        log::warn("index of a subject not renewed", {{"handle", at.name.str()}, {"error", done.error().detail}});
}

awaitable<void> subjects::leave(const std::string& subject, const handle& name, time_point now, deadline by)
{
    if (!subject.empty() && keeper_.caps().lists_subjects)
        static_cast<void>(co_await index_.remove(subject, {&name, 1}, now, by));
}

awaitable<result<subjects::page>> subjects::list(const std::string& subject, std::string_view cursor, std::size_t most,
                                                 time_point now)
{
    if (!keeper_.caps().lists_subjects)
        co_return cannot_list();
    const auto from = cursor.empty() ? std::optional(time_point::max()) : parse_cursor(cursor);
    if (!from)
        co_return failure{errc::malformed, {}};
    const auto epoch = co_await epochs_.current(now, next_deadline());
    if (!epoch)
        co_return epoch.error();
    const auto all = co_await index_.list(subject, now, next_deadline());
    if (!all)
        co_return all.error();
    page out;
    std::vector<handle> gone;
    for (auto entry = all->rbegin(); entry != all->rend(); ++entry) {
        if (entry->added >= *from)
            continue;
        if (out.sessions.size() == most)
            break;
        auto there = co_await look(*entry, subject, *epoch, now, next_deadline());
        if (!there && !is_unreadable(there.error().code))
            co_return there.error();
        if (there && there->what == presence::live)
            out.sessions.push_back(*std::move(there->session));
        else if (there && there->what == presence::gone)
            gone.push_back(entry->name);
        out.next = cursor_of(*entry);
    }
    if (all->empty() || out.next == cursor_of(all->front()))
        out.next.clear();
    if (!gone.empty())
        static_cast<void>(co_await index_.remove(subject, gone, now, next_deadline()));
    co_return out;
}

// Whether a session ended. What is not there yet gets a tombstone, so that a login in flight does not escape.
awaitable<result<bool>> subjects::end_entry(subject_entry entry, const ending& what)
{
    session_key key{entry.name, std::nullopt};
    const deadline by = next_deadline();
    const auto keep_until = what.now + settings_.tombstone;
    for (unsigned aliases = 0; aliases < most_aliases;) {
        if (what.spared == key.name)
            co_return false;
        auto found = co_await places_.load(key, what.now, by);
        const bool unreadable = !found && is_unreadable(found.error().code);
        if (!found && !unreadable)
            co_return found.error();
        if (unreadable || !*found) {
            const bool wanted =
                unreadable || (is_recent(entry, what.now) && (!what.before || entry.added < *what.before));
            const auto done = wanted ? co_await keeper_.end(key, what.now, keep_until, by)
                                     : result<std::optional<head>>(std::nullopt);
            if (!done)
                co_return done.error();
            co_return unreadable;
        }
        record stored = *std::move(*found);
        if (stored.about.what == kind::alias) {
            const auto target = alias_target(stored.payload);
            if (!target)
                co_return false;
            key.name = *target;
            ++aliases;
            continue;
        }
        if (stored.about.what == kind::pending) {
            auto settled = co_await places_.settle(key, stored, what.now, by);
            if (!settled)
                co_return settled.error();
            if (*settled)
                stored = *std::move(*settled);
        }
        const head& about = stored.about;
        if (about.what == kind::ended ||
            (about.what == kind::live && (!is_live(about, what.now) || about.created < what.epoch)))
            co_return false;
        if (what.before && about.created >= *what.before)
            co_return false;
        if (about.what == kind::live && about.subject != what.subject && !is_recent(entry, what.now))
            co_return false;
        const auto done = co_await keeper_.swap(key, &about, tombstone(&about, what.now, keep_until), "", what.now, by);
        if (!done)
            co_return done.error();
        if (*done) {
            if (about.what == kind::live)
                ended_(key.name, about, what.now);
            co_return about.what == kind::live;
        }
        if (!co_await pause_at_most(5ms, by))
            co_return too_many_lost();
    }
    co_return false;
}

awaitable<result<std::size_t>> subjects::end_all(const std::string& subject, const session_key* spared,
                                                 std::optional<time_point> before, time_point now)
{
    if (!keeper_.caps().lists_subjects)
        co_return cannot_list();
    const auto epoch = co_await epochs_.current(now, next_deadline());
    if (!epoch)
        co_return epoch.error();
    ending what{subject, std::nullopt, before, *epoch, now};
    if (spared != nullptr) {
        // By an old id within its grace, too, a caller spares the session that it has.
        auto mine = co_await places_.find(*spared, *epoch, now, next_deadline());
        what.spared = mine ? mine->at.name : spared->name;
    }
    const auto all = co_await index_.list(subject, now, next_deadline());
    if (!all)
        co_return all.error();
    std::size_t ended = 0;
    std::vector<handle> gone;
    for (const auto& entry : *all) {
        const auto done = co_await end_entry(entry, what);
        if (!done)
            co_return done.error();
        ended += *done ? 1 : 0;
        if (entry.name != what.spared && !before)
            gone.push_back(entry.name);
    }
    if (!gone.empty())
        static_cast<void>(co_await index_.remove(subject, gone, now, next_deadline()));
    co_return ended;
}

awaitable<result<bool>> subjects::end_one(const std::string& subject, const session_key& key, time_point now)
{
    const auto epoch = co_await epochs_.current(now, next_deadline());
    if (!epoch)
        co_return epoch.error();
    const subject_entry entry{key.name, now};
    const auto there = co_await look(entry, subject, *epoch, now, next_deadline());
    if (!there)
        co_return there.error();
    if (there->what != presence::live)
        co_return false;
    const auto done = co_await end_entry({key.name, time_point{}}, {subject, std::nullopt, std::nullopt, *epoch, now});
    if (!done)
        co_return done.error();
    if (*done)
        co_await leave(subject, key.name, now, next_deadline());
    co_return *done;
}

} // namespace coatcheck
