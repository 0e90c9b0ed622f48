#pragma once
// Where a session is: under the id it was asked for, or under the one that a rotation gave it.

#include "backends/backend.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace coatcheck {

// Aliases that are followed. Each is a rotation of one session within the grace of the first, and these are more than a
// client that waits for its answers can do.
constexpr unsigned most_aliases = 64;

// Whether an alias within its grace still leads to what is under its target: not once the subject is another, or who
// knows the id from before a login would have the session after it.
bool leads_on(const head& alias, const head& target) noexcept;

struct found_session {
    session_key at; // the key that it is under now
    record stored;
};

// Safe from any thread of the runtime. Fails with errc::not_found and errc::ended as sessions do.
class lookup {
public:
    // Called when an id is used whose rotation, and grace, are over; with its handle.
    using reuse_observer = std::function<void(const handle&)>;

    // `keeper` must outlive this.
    lookup(backend& keeper, reuse_observer reused) : keeper_(keeper), reused_(std::move(reused)) {}

    // The live session that `key` leads to. Sessions that were created before `epoch` are over.
    awaitable<result<found_session>> find(session_key key, time_point epoch, time_point now, deadline by);

    // The same from `stored`, which was just loaded from `key` and is remembered at `now`.
    awaitable<result<found_session>> follow(session_key key, record stored, time_point epoch, time_point now,
                                            deadline by);

    // The id that `id`, of `key`, was rotated to, through aliases within their grace; itself if it was not. Nothing if
    // the aliases do not lead on any more.
    awaitable<result<std::optional<std::string>>> current_id(session_key key, std::string id, time_point now,
                                                             deadline by);

    // Finds out whether the rotation that `pending`, loaded from `key`, belongs to was committed, and makes the session
    // live if so. Its record as it is then; nothing if there is no session under `key`.
    awaitable<result<std::optional<record>>> settle(const session_key& key, const record& pending, time_point now,
                                                    deadline by);

    // The record under `key` if it is remembered at `now`.
    awaitable<result<std::optional<record>>> load(const session_key& key, time_point now, deadline by);

    void reused(const handle& old) const { reused_(old); }

private:
    backend& keeper_;
    const reuse_observer reused_;
};

} // namespace coatcheck
