#pragma once
// The sessions of one store: lifetimes, versions, "ended stays ended", rotation, locks and subjects over any backend.
// All that a session means is here, in what this is made of, or in proto/change.hpp; backends only keep records.

#include "backends/backend.hpp"
#include "backends/layers/breaker.hpp"
#include "server/config.hpp"
#include "server/epoch.hpp"
#include "server/event_log.hpp"
#include "server/inspection.hpp"
#include "server/lock_queue.hpp"
#include "server/lookup.hpp"
#include "server/measured_backend.hpp"
#include "server/metrics.hpp"
#include "server/rotation.hpp"
#include "server/subjects.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// What a caller sent with a write beside the data; unset keeps the stored value, or takes the store's default.
struct session_settings {
    std::optional<std::chrono::seconds> idle;
    std::optional<std::chrono::seconds> absolute;
    std::optional<std::string> subject;
    std::optional<std::string> label;
    std::optional<std::uint64_t> lock_token;
};

// Whether reading a session counts as a use, which extends its idle time.
enum class reading : std::uint8_t { use, peek };

// Safe from any thread of the runtime. `now` is the moment of the request. A session that is not there fails with
// errc::not_found, one that has ended and is still remembered with errc::ended. An id within the grace of its rotation
// works as the new one does.
class sessions {
public:
    // `index` is the store's place in `counters`; that and `events` must outlive this.
    sessions(std::string name, std::size_t index, store_config settings, std::unique_ptr<backend> keeper,
             metrics& counters, event_log& events);

    const std::string& name() const noexcept { return name_; }
    const store_config& settings() const noexcept { return settings_; }
    // A session may be as large as the store takes it while it is rotated.
    capabilities caps() const noexcept;
    acknowledgement acknowledges() const { return keeper_.acknowledges(); }
    circuit state() const noexcept { return breaker_.state(); }

    // The sessions of users.
    subjects& by_subject() noexcept { return subjects_; }
    // Says in the metrics that a caller met a record that nobody can read.
    void count_unreadable() noexcept { counters_.count_unreadable(runtime::this_thread(), index_); }

    awaitable<result<found_session>> load(const session_key& key, reading how, time_point now);

    // The id that `id`, of `key`, was rotated to, within the grace; nothing if that is over, or cannot be told.
    awaitable<std::optional<std::string>> current_id(const session_key& key, std::string_view id, time_point now);

    // `payload` is MessagePack, at most the store's max_payload. Creates a missing session unless the store does not
    // adopt ids, or always if the id is the daemon's own.
    awaitable<result<write>> put(const session_key& key, std::string_view payload, session_settings settings,
                                 precondition when, time_point now);
    awaitable<result<write>> create(const session_key& key, std::string_view payload, session_settings settings,
                                    time_point now);

    // What a merge makes of the session: its new payload, or why there is none.
    using merging = std::function<result<std::string>(const record& stored)>;

    struct merged {
        write done;
        std::string payload; // what was written
    };

    // Replaces the payload by what `merge` makes of it, in one step: on the record's revision, and again as long as
    // others are faster, until the store's deadline. Fails with `merge`'s failure. Never creates.
    awaitable<result<merged>> patch(const session_key& key, merging merge, session_settings settings, time_point now);

    // `ids` says from where to where; its `changes` and `announce` are this one's to fill in.
    awaitable<result<rotated>> rotate(rotation ids, session_settings settings, time_point now);

    // What is under `key` itself, for operators. Nothing is followed, and nothing changed. What the store keeps there
    // for itself is no session.
    awaitable<result<std::optional<inspection>>> look_at(const session_key& key, time_point now);

    // Ends what is under `key`, for operators; errc::not_found for what the store keeps there for itself.
    awaitable<result<void>> end_at(const session_key& key, time_point now);

    // Ends the session wherever it is.
    awaitable<result<void>> end(const session_key& key, time_point now);

    awaitable<result<head>> touch(const session_key& key, time_point now);

    // Takes the lease lock for `lease`, after at most `wait` behind those who came before; the head says the token.
    // Refused by errc::locked, with the head that refused. Fails with errc::too_many_waiters.
    awaitable<result<write>> lock(const session_key& key, std::chrono::milliseconds lease,
                                  std::chrono::milliseconds wait, time_point now);

    // Gives it back, unless its lease is over anyway. Refused by errc::locked if another token has been granted since.
    awaitable<result<write>> unlock(const session_key& key, std::uint64_t token, time_point now);

    // Every session that was created before `before` is over.
    awaitable<result<void>> end_all(time_point before, time_point now);

    // Whether the backend answers now.
    awaitable<result<void>> probe();

private:
    deadline next_deadline() const noexcept { return std::chrono::steady_clock::now() + settings_.deadline; }
    awaitable<result<head_changes>> changes_of(session_settings&& settings, time_point now, deadline by);
    awaitable<result<write>> write_record(session_key key, std::string_view payload, const head_changes& changes,
                                          precondition when, time_point now, deadline by);
    awaitable<result<void>> end_alias(const session_key& key, const head& about, time_point now, deadline by);
    void circuit_changed(circuit now, const failure& why);

    std::string name_;
    std::size_t index_;
    store_config settings_;
    metrics& counters_;
    event_log& events_;
    breaker breaker_;
    measured_backend keeper_;
    lookup places_;
    epoch epoch_;
    lock_queue waiting_;
    subjects subjects_;
};

} // namespace coatcheck
