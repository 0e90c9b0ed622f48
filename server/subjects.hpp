#pragma once
// The sessions of one user: listed, limited in number, and ended together.

#include "server/config.hpp"
#include "server/epoch.hpp"
#include "server/lookup.hpp"
#include "server/subject_index.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coatcheck {

// Safe from any thread of the runtime. list() and end_all() fail with errc::unsupported over a store that lists no
// subjects; there enter(), keep() and leave() do nothing.
class subjects {
public:
    // Called with a live session that was ended here, and its head before.
    using end_observer = std::function<void(const handle&, const head&, time_point now)>;

    // All of them must outlive this.
    subjects(backend& keeper, lookup& places, epoch& epochs, const store_config& settings, end_observer ended)
        : keeper_(keeper), places_(places), epochs_(epochs), settings_(settings), ended_(std::move(ended)),
          index_(keeper)
    {}

    // Before a write that gives the session `name` its subject: makes sure that whoever ends the subject's sessions
    // finds it, and that there are no more than there may be. `replaces` is the handle that a rotation takes away.
    // Fails with errc::too_many_sessions.
    awaitable<result<void>> enter(const std::string& subject, const handle& name, const handle* replaces,
                                  std::chrono::seconds idle, time_point epoch, time_point now, deadline by);

    // After a write of the session: once in a while, and after a change of its idle timeout, the index has to be told
    // that it still lives. Failures are logged; the session is good without it.
    awaitable<void> keep(const session_key& at, const head& about, bool idle_changed, time_point now, deadline by);

    // After the session is gone from `name`. What cannot be removed is dropped by who looks at it later.
    awaitable<void> leave(const std::string& subject, const handle& name, time_point now, deadline by);

    struct page {
        std::vector<found_session> sessions; // the newest first
        std::string next;                    // the cursor of the next page; empty if this is the last
    };
    // `cursor` is that of a page before, or empty. Fails with errc::malformed for one that is none.
    awaitable<result<page>> list(const std::string& subject, std::string_view cursor, std::size_t most, time_point now);

    // Ends the subject's sessions that were created before `before`, all but `spared`, and those that are about to be
    // written. How many sessions it ended.
    awaitable<result<std::size_t>> end_all(const std::string& subject, const session_key* spared,
                                           std::optional<time_point> before, time_point now);

    // Ends one, if it is the subject's; whether it was.
    awaitable<result<bool>> end_one(const std::string& subject, const session_key& key, time_point now);

private:
    enum class presence : std::uint8_t { live, in_flight, gone };
    struct seen {
        presence what;
        std::optional<found_session> session; // a live one
    };
    struct ending {
        const std::string& subject;
        std::optional<handle> spared;
        std::optional<time_point> before;
        time_point epoch;
        time_point now;
    };

    deadline next_deadline() const noexcept { return std::chrono::steady_clock::now() + settings_.deadline; }
    awaitable<result<seen>> look(const subject_entry& entry, const std::string& subject, time_point epoch,
                                 time_point now, deadline by);
    awaitable<result<void>> make_room(const std::string& subject, const handle& name, const handle* replaces,
                                      const std::vector<subject_entry>& all, time_point epoch, time_point now,
                                      deadline by);
    awaitable<result<bool>> end_entry(subject_entry entry, const ending& what);

    backend& keeper_;
    lookup& places_;
    epoch& epochs_;
    const store_config& settings_;
    const end_observer ended_;
    subject_index index_;
};

} // namespace coatcheck
