#pragma once
// The moment before which every session of a store has ended: what makes end-all one write, however many there are.

#include "backends/backend.hpp"

#include <atomic>

namespace coatcheck {

// Safe from any thread of the runtime.
class epoch {
public:
    // `keeper` must outlive this.
    explicit epoch(backend& keeper) noexcept : keeper_(keeper) {}

    // Whether the epoch is kept under `name`.
    static bool is_place(const handle& name) noexcept;

    // The epoch as it was within the last second, or as it is. Until it has been read once nothing is served: fails as
    // backend::load, but for one that is damaged with errc::unavailable.
    awaitable<result<time_point>> current(time_point now, deadline by);

    // Moves it to `before`, never back. Other daemons see it within a second.
    awaitable<result<void>> advance(time_point before, time_point now, deadline by);

private:
    static constexpr std::int64_t unknown = -1;

    awaitable<result<std::optional<record>>> read(time_point now, deadline by);
    void learn(std::int64_t at) noexcept;

    backend& keeper_;
    std::atomic<std::int64_t> at_{unknown};   // ms since 1970
    std::atomic<std::int64_t> next_check_{0}; // ms on the steady clock
};

} // namespace coatcheck
