#pragma once
// What happened to sessions through this daemon, lately: a ring in memory, which the readers of GET /v1/events follow.

#include "proto/record.hpp"
#include "proto/session_id.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coatcheck {

struct event {
    enum class happening : std::uint8_t { created, rotated, ended };
    enum class reason : std::uint8_t { none, deleted, revoked };

    happening what;
    reason why = reason::none; // of an end
    time_point at;
    std::string store;
    handle session;
    std::string subject = {};      // empty: none, or not known
    std::optional<handle> to = {}; // of a rotation: the new handle
    std::uint64_t number = 0;      // its place among this daemon's events; given by the log
};

// Safe from any thread.
class event_log {
public:
    class reader;

    static constexpr std::size_t max_readers = 64;

    // Keeps the newest `capacity` events.
    explicit event_log(std::size_t capacity = 4096);

    // Some 80 ns while nobody reads. A reader that waits costs a call of its `wake`.
    void add(event e);

    // A reader that goes on behind the event that the cursor `after` names, or with the next one that happens. `wake`
    // is called, on any thread and under the log's lock, once there is more after a read() that found nothing; it must
    // neither block nor call back. Null if there are max_readers. The log must outlive the reader.
    std::unique_ptr<reader> open(std::optional<std::string_view> after, std::function<void()> wake);

    // The name of an event for clients, "<16 hexadecimal digits>-<number>". The first part differs with each start of
    // the daemon, or a cursor of the last one would pass for one of this.
    std::string cursor_of(std::uint64_t number) const;

private:
    std::uint64_t oldest() const noexcept { return next_ - ring_.size(); }
    std::optional<std::uint64_t> number_of(std::string_view cursor) const noexcept;

    std::size_t capacity_;
    std::string start_; // what every cursor begins with
    std::mutex mutex_;  // guards all below, and the readers' members
    std::uint64_t next_ = 1;
    std::vector<event> ring_; // event n is at (n - 1) % capacity_
    std::vector<reader*> readers_;
};

// Used on one thread at a time.
class event_log::reader {
public:
    ~reader();
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    // Whether events behind `after` were forgotten before this reader was opened, or `after` was no cursor of this
    // daemon's. It then begins with the oldest event that there is.
    bool has_gap() const noexcept { return gap_; }

    enum class outcome : std::uint8_t { some, none, overrun };

    // Appends the next events to `out`, `most` at most. overrun: the log has forgotten the next one already, and this
    // reader can only be closed.
    outcome read(std::vector<event>& out, std::size_t most);

    // Of the last event that was read; of the one before the first at the beginning.
    std::string cursor() const { return log_.cursor_of(next_ - 1); }

private:
    friend class event_log;
    reader(event_log& log, std::function<void()> wake) : log_(log), wake_(std::move(wake)) {}

    event_log& log_;
    std::function<void()> wake_;
    std::uint64_t next_ = 0;
    bool gap_ = false;
    bool waits_ = false;
};

} // namespace coatcheck
