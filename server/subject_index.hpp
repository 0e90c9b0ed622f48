#pragma once
// Which sessions a subject has: one record a subject, changed by swaps, so that every backend that keeps records keeps
// the index, under its own expiry, encryption and limits.

#include "backends/backend.hpp"

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

struct subject_entry {
    handle name;
    time_point added; // each later than those before it
};

// Entries say where to look, not what is there: a session may have ended, or not exist yet. Safe from any thread of the
// runtime. Operations fail as the backend's do.
class subject_index {
public:
    static constexpr std::size_t most_entries = 4096; // of one subject

    // `keeper` must outlive this.
    explicit subject_index(backend& keeper) noexcept : keeper_(keeper) {}

    // All entries of the subject, the oldest first.
    awaitable<result<std::vector<subject_entry>>> list(std::string_view subject, time_point now, deadline by);

    // Makes sure that there is an entry, and that the index is kept for twenty idle timeouts more: a session that
    // lives on has to add itself again within that time. The entries then; errc::too_many_sessions if there are too
    // many.
    awaitable<result<std::vector<subject_entry>>> add(std::string_view subject, const handle& name,
                                                      std::chrono::seconds idle, time_point now, deadline by);

    awaitable<result<void>> remove(std::string_view subject, std::span<const handle> names, time_point now,
                                   deadline by);

private:
    using entries = std::vector<subject_entry>;
    struct contents {
        std::optional<head> about; // nothing if there is no record
        entries all;
    };

    awaitable<result<contents>> read(const session_key& place, time_point now, deadline by);

    // Changes the entries by what `edit` does to them, unless it says that there is nothing to change.
    using editing = std::function<result<bool>(entries&, const std::optional<head>& about)>;
    awaitable<result<entries>> change(std::string_view subject, editing edit, time_point keep_until, time_point now,
                                      deadline by);

    backend& keeper_;
};

} // namespace coatcheck
