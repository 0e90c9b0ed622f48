#pragma once
// Daemons over a fixture's store for the tests of rotation: one that works, and one that stops after some calls.

#include "server/sessions.hpp"
#include "tests/conformance/fixture.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coatcheck::conformance {

// What becomes of the last call of a daemon that stops.
enum class last_call : std::uint8_t { not_done, answer_lost, answer_lost_alone };

// A store as a daemon has it that can make `calls` calls: the next is not done, or is and its answer lost; all later
// ones are not done, unless that answer was lost alone, by a network that is good again. `store` must outlive it.
class stopping_backend final : public backend {
public:
    static constexpr unsigned never_stops = ~0U;

    explicit stopping_backend(backend& store, unsigned calls = never_stops, last_call last = last_call::not_done)
        : store_(store), left_(calls), last_(last)
    {}

    // Awaited before each call that is made, and called after it.
    void around_calls(std::function<awaitable<void>()> before, std::function<void()> after)
    {
        before_ = std::move(before);
        after_ = std::move(after);
    }

    bool stopped() const noexcept { return stopped_; }

    capabilities caps() const noexcept override { return store_.caps(); }
    acknowledgement acknowledges() const override { return store_.acknowledges(); }
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override;
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override;
    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override;
    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override;
    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override;
    awaitable<result<void>> probe(deadline by) override { return store_.probe(by); }

private:
    template <class T>
    awaitable<result<T>> pass(awaitable<result<T>> call);

    backend& store_;
    std::atomic<unsigned> left_;
    const last_call last_;
    std::atomic<bool> stopped_ = false;
    std::function<awaitable<void>()> before_;
    std::function<void()> after_;
};

// An id, and the key that it is kept under.
struct ticket {
    std::string id;
    session_key key;
};

ticket new_ticket();
std::vector<ticket> new_tickets(std::size_t n);

// For rotations that nobody has to be told about.
awaitable<result<void>> nobody_listens(const handle& from, const head& old, const head& next);

rotation from_to(const ticket& from, const ticket& to, std::chrono::seconds grace);

// The id that a rotation answered, or the URN of why there is none.
std::string answer_of(const result<rotated>& r);
inline const std::string over(problem_of(errc::ended).urn);

// Adds a line to the payload: a merge that shows what was lost.
sessions::merging adding(std::string line);

// The sessions of one daemon over the fixture's store; remembered for ten minutes past their end.
class daemon_over {
public:
    explicit daemon_over(fixture& f, unsigned calls = stopping_backend::never_stops,
                         last_call last = last_call::not_done);

    sessions& store() noexcept { return store_; }

    result<rotated> rotate(const ticket& from, const ticket& to, std::chrono::seconds grace,
                           session_settings settings = {});

    // The session that an id leads to; nothing if it has ended or was never there.
    std::optional<record> look(const ticket& t);

    // Its payload, or "none".
    std::string payload(const ticket& t);

    result<write> put(const ticket& t, std::string_view payload, precondition when = precondition::none());
    void end(const ticket& t);

    // Uses of old ids that were over.
    unsigned reused() const;

private:
    fixture& f_;
    metrics counters_;
    event_log events_;
    sessions store_;
};

} // namespace coatcheck::conformance
