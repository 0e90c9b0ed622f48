#pragma once
// The one atomic step of a write, as every backend takes it: test the stored head, then change it. A backend that can
// run C++ under its own lock or transaction calls these; one that cannot (Redis' script) does the same in its language,
// and the conformance suite holds both to it.

#include "proto/record.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace coatcheck {

// What must hold of the stored record for a write to happen. Whatever is asked, a session that has ended, and is still
// remembered, refuses with errc::ended.
class precondition {
public:
    enum class test : std::uint8_t { none, absent, exists, same_version, same_revision };

    static precondition none() noexcept { return {test::none, 0}; }
    static precondition absent() noexcept { return {test::absent, 0}; }
    static precondition exists() noexcept { return {test::exists, 0}; }
    static precondition matches(version v) noexcept { return {test::same_version, v.bits}; }
    static precondition at_revision(std::uint64_t r) noexcept { return {test::same_revision, r}; }

    test what() const noexcept { return what_; }
    std::uint64_t value() const noexcept { return value_; }

private:
    precondition(test what, std::uint64_t value) noexcept : what_(what), value_(value) {}

    test what_;
    std::uint64_t value_;
};

// What a write does to the head. What is unset keeps its stored value; on creation it takes the default below it.
struct head_changes {
    version next; // the version that the data gets
    std::optional<std::chrono::seconds> idle;
    std::optional<std::chrono::seconds> absolute; // counted from the creation
    std::optional<std::string> subject;           // on creation: none
    std::optional<std::string> label;             // on creation: none

    std::chrono::seconds default_idle{};
    std::optional<std::chrono::seconds> default_absolute; // unset: no absolute end

    bool may_create = true;                     // false: a missing record refuses with errc::not_found
    std::optional<std::uint64_t> lock_token;    // the lease lock that the writer holds
    time_point epoch{};                         // sessions that were created before it are over
    std::chrono::milliseconds keep_after_end{}; // how long an ended or expired record is remembered
};

// When a session ends if this use, at `now`, is the last: a tenth of the idle timeout ahead of it, so that most uses
// need not be written; never past the absolute end, and `now` if that
// has passed already.
time_point next_expiry(std::chrono::seconds idle, time_point absolute_end, time_point now) noexcept;

// True if less than a full idle timeout is left, so that a use at `now` has to be written.
bool needs_extension(const head& h, time_point now) noexcept;

// True if `h` is a session that can be served at `now`.
bool is_live(const head& h, time_point now) noexcept;

// True if the lease lock keeps a writer with this token, or without one, out. A token works until another has been
// granted, its lease past or not; without one, a lease keeps out as long as it runs.
bool is_locked_against(const head& h, std::optional<std::uint64_t> token, time_point now) noexcept;

// Why the write may not happen, or nothing: first what is ended, then the precondition, then the lock. `stored` is null
// if there is no record, or none that is remembered at `now`.
std::optional<errc> refusal(const head* stored, const precondition& when, const head_changes& changes,
                            time_point now) noexcept;

// True if `stored` is what was read as `seen`, with nothing written between. The revision alone does not tell: a record
// that is forgotten is followed by one that begins at 1 again.
bool is_unchanged(const head& seen, const head& stored) noexcept;

// The head after the write; `stored` is null for a creation.
head apply(const head* stored, const head_changes& changes, time_point now);

// The head after an extension at `now`.
head extended(const head& stored, std::chrono::milliseconds keep_after_end, time_point now);

// The tombstone that replaces `stored`, which may be null.
head tombstone(const head* stored, time_point now, time_point keep_until);

} // namespace coatcheck
