#include "server/subject_index.hpp"

#include "backends/transport/lost_races.hpp"
#include "backends/transport/pause.hpp"
#include "proto/msgpack_reader.hpp"
#include "server/msgpack_writer.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

constexpr int idle_timeouts_kept = 40;

// No session has this place: a line feed is in no id.
session_key place_of(std::string_view subject)
{
    return {handle_maker()(std::string("subject\n").append(subject)), std::nullopt};
}

// {"sessions": [[handle, added in ms], …]}
std::string encode(const std::vector<subject_entry>& all)
{
    std::string out;
    msgpack_writer w(out);
    w.map(1).text("sessions").array(all.size());
    for (const auto& e : all)
        w.array(2).text(e.name.str()).number(e.added.time_since_epoch().count());
    return out;
}

std::optional<std::vector<subject_entry>> decode(std::string_view payload)
{
    using kind = msgpack_token::kind;
    msgpack_reader in(payload);
    msgpack_token t;
    if (!in.next(t) || t.what != kind::map || t.count != 1 || !in.next(t) || t.content != "sessions" || !in.next(t) ||
        t.what != kind::array)
        return std::nullopt;
    std::vector<subject_entry> all;
    for (auto left = t.count; left > 0; --left) {
        if (!in.next(t) || t.what != kind::array || t.count != 2 || !in.next(t) || t.what != kind::str ||
            !is_handle(t.content))
            return std::nullopt;
        const handle name(t.content);
        if (!in.next(t) || t.what != kind::natural)
            return std::nullopt;
        all.push_back({name, time_point{std::chrono::milliseconds{static_cast<std::int64_t>(t.natural)}}});
    }
    return all;
}

} // namespace

awaitable<result<subject_index::contents>> subject_index::read(const session_key& place, time_point now, deadline by)
{
    auto found = co_await keeper_.load(place, by);
    if (!found)
        co_return found.error();
    if (!*found || (*found)->about.keep_until <= now || (*found)->about.what != kind::live)
        co_return contents{*found ? std::optional((*found)->about) : std::nullopt, {}};
    auto all = decode((*found)->payload);
    if (!all)
        co_return failure{errc::corrupt, "the index of a subject cannot be read"};
    co_return contents{std::move((*found)->about), *std::move(all)};
}

awaitable<result<std::vector<subject_entry>>> subject_index::list(std::string_view subject, time_point now, deadline by)
{
    auto found = co_await read(place_of(subject), now, by);
    if (!found)
        co_return found.error();
    co_return std::move(found->all);
}

awaitable<result<subject_index::entries>> subject_index::change(std::string_view subject, editing edit,
                                                                time_point keep_until, time_point now, deadline by)
{
    const session_key place = place_of(subject);
    for (unsigned lost = 0;; ++lost) {
        auto found = co_await read(place, now, by);
        if (!found)
            co_return found.error();
        const bool remembered = found->about && found->about->keep_until > now;
        const auto changes = edit(found->all, found->about);
        if (!changes)
            co_return changes.error();
        if (!*changes)
            co_return std::move(found->all);
        head next;
        if (remembered)
            next = *found->about;
        next.what = kind::live;
        next.revision += 1;
        next.data_version = make_version();
        next.created = remembered ? next.created : now;
        next.last_seen = now;
        next.keep_until = found->all.empty() ? now : std::max(next.keep_until, keep_until);
        next.expires = next.keep_until;
        const auto done =
            co_await keeper_.swap(place, remembered ? &*found->about : nullptr, next, encode(found->all), now, by);
        if (!done)
            co_return done.error();
        if (*done)
            co_return std::move(found->all);
        if (!co_await pause_at_most(longest_pause(lost), by))
            co_return failure{errc::timed_out, "others kept changing the index of the subject until the deadline"};
    }
}

awaitable<result<std::vector<subject_entry>>> subject_index::add(std::string_view subject, const handle& name,
                                                                 std::chrono::seconds idle, time_point now, deadline by)
{
    const auto keep_until = now + idle_timeouts_kept * idle;
    const auto edit = [&](entries& all, const std::optional<head>& about) -> result<bool> {
        const bool there = std::ranges::find(all, name, &subject_entry::name) != all.end();
        if (!there && all.size() >= most_entries)
            return failure{errc::too_many_sessions, {}};
        if (!there)
            all.push_back({name, all.empty() ? now : std::max(now, all.back().added + 1ms)});
        // Half of it, so that it is not written again whenever somebody looks.
        return !there || about->keep_until < now + idle_timeouts_kept / 2 * idle;
    };
    // `edit` refers to this frame, which has to be there as long as it is called.
    co_return co_await change(subject, edit, keep_until, now, by);
}

awaitable<result<void>> subject_index::remove(std::string_view subject, std::span<const handle> names, time_point now,
                                              deadline by)
{
    const auto edit = [&](entries& all, const std::optional<head>&) -> result<bool> {
        return std::erase_if(
                   all, [&](const subject_entry& e) { return std::ranges::find(names, e.name) != names.end(); }) > 0;
    };
    const auto done = co_await change(subject, edit, {}, now, by);
    if (!done)
        co_return done.error();
    co_return result<void>();
}

} // namespace coatcheck
