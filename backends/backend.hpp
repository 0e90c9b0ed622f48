#pragma once
// The interface of a storage system: all that the author of a driver must read, with proto/change.hpp for what a write
// does. Drivers hold no policy: codecs, lifetimes, encryption and retries live above, once.

#include "backends/transport/runtime.hpp"
#include "proto/change.hpp"
#include "proto/error.hpp"
#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// What names a session to a driver: the handle. The id is there for drivers that read other libraries' stores in place.
struct session_key {
    handle name;
    std::optional<std::string> id;
};

enum class kept_by : std::uint8_t {
    store,  // safe with many daemons
    daemon, // safe with one daemon only
};

enum class tombstones : std::uint8_t {
    kept,
    best_effort, // the store may evict them, or lose them in a fail-over
};

// As GET /v1/stores and the README spell them.
constexpr std::string_view name_of(kept_by k) noexcept
{
    return k == kept_by::store ? "store" : "daemon";
}

constexpr std::string_view name_of(tombstones t) noexcept
{
    return t == tombstones::kept ? "kept" : "best_effort";
}

// What an operator can rely on, shown by GET /v1/stores.
struct capabilities {
    kept_by conditional_writes = kept_by::store;
    tombstones ended_records = tombstones::kept;
    bool durable = false;                   // an acknowledged write survives a crash of the machine
    std::optional<std::size_t> max_payload; // bytes; unset: no limit of the store's own
    bool lists_subjects = true;             // false: it may forget the index of a subject's sessions, and keep them
    bool fails_in_parts = false;            // keys live on several servers, each of which may be away alone
};

// What an acknowledged write means, as the store is set up now, for operators.
struct acknowledgement {
    std::string means;   // such as "written to the server's memory: appendonly no"
    std::string warning; // why that is weaker than sessions deserve, and what would change it; empty if it is not
};

// The answer to a write.
struct write {
    enum class outcome : std::uint8_t { created, replaced, refused };

    outcome what;
    errc why;   // of a refusal
    head about; // after the write; for a refusal, the head that refused, if there was one
};

// Every operation may be called from any thread of the runtime and resumes on the caller's; `key` and `payload` must
// outlive the co_await. Past `by` the answer is errc::timed_out, and the write may have landed. A store that cannot be
// reached is errc::unavailable, one without room errc::full, a record of a later release errc::newer_format, bytes that
// are no record errc::corrupt; neither of the last two is ever replaced by put() or extend(), and their details are in
// our own words, for operators read them in answers. Layers add errc::unknown_key (layers/encrypt.hpp), to which the
// same applies.
class backend {
public:
    virtual ~backend() = default;

    virtual capabilities caps() const noexcept = 0;

    // What is known of it: a server that has not answered yet has said nothing.
    virtual acknowledgement acknowledges() const = 0;

    // Absence is an answer. Ended and expired records come back as what they are while the store has them.
    virtual awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) = 0;

    // One atomic step: tests `when` against the stored head (refusal), applies `changes` to it (apply) and replaces the
    // payload. The store keeps the record until its keep_until.
    virtual awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                         precondition when, time_point now, deadline by) = 0;

    // The other atomic step, for what reads first: `next` takes the place of the record that was read with the head
    // `seen`, if that is_unchanged and is remembered at `now`; null: if nothing is remembered. False if it is not so,
    // or if what is there cannot be read. `next` is stored as it is; without a payload the record keeps its own. A swap
    // to kind::ended finds room as end() does.
    virtual awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                         std::optional<std::string_view> payload, time_point now, deadline by) = 0;

    // Leaves a tombstone until `keep_until`, whatever there was: a record, one that cannot be read, or none. A store
    // that is full makes room for it. Only an alias stays as it is: who ends a session by an old id has to end it where
    // it is now. The answer is the head that was there, as far as it was remembered and could be read.
    virtual awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                                       deadline by) = 0;

    // A use at `now`: moves the end (extended) if needs_extension, without rewriting the payload. The head as it is
    // then, whatever its kind; nullopt if there is no record. Only a live one is extended.
    virtual awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                          std::chrono::milliseconds keep_after_end, deadline by) = 0;

    // Whether the store answers now.
    virtual awaitable<result<void>> probe(deadline by) = 0;
};

} // namespace coatcheck
