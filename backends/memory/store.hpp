#pragma once
// The records of a memory:// store. No I/O, no waiting beyond a shard's mutex; every member may be called from any
// thread.

#include "backends/backend.hpp"
#include "backends/memory/account.hpp"
#include "backends/memory/shard.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>

namespace coatcheck::memory {

enum class when_full : std::uint8_t { refuse, evict_least_used };

class store {
public:
    // `bound` in bytes, bookkeeping included: a record costs some 200 bytes beyond its payload, subject and label.
    store(std::size_t bound, when_full policy);

    std::optional<record> load(const handle& name);
    result<write> put(const handle& name, const head_changes& changes, std::string_view payload, precondition when,
                      time_point now);
    result<bool> swap(const handle& name, const head* seen, const head& next, std::optional<std::string_view> payload,
                      time_point now);
    std::optional<head> end(const handle& name, time_point now, time_point keep_until);
    std::optional<head> extend(const handle& name, time_point now, std::chrono::milliseconds keep_after_end);

    // Removes what is past its keep_until, a small batch of each shard; true if there may be more.
    bool drop_forgotten(time_point now);

    std::size_t max_payload() const noexcept; // bytes
    std::size_t bytes() const { return sums_.total(); }

private:
    std::size_t shard_index(const handle& name) const noexcept;
    std::optional<write> try_put(const handle& name, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, std::size_t& missing);
    std::optional<bool> try_swap(const handle& name, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, bool whatever_it_costs,
                                 std::size_t& missing);
    bool try_end(const handle& name, time_point now, time_point keep_until, bool whatever_it_costs,
                 std::optional<head>& before);
    bool make_room(const handle& name, std::size_t bytes, time_point now);
    void make_room_for_tombstone(const handle& name, time_point now);

    template <class Drop>
    std::size_t drop_from_all(const handle& first, std::size_t bytes, Drop drop);

    const when_full policy_;
    account sums_;
    std::deque<shard> shards_; // a power of two of them
};

} // namespace coatcheck::memory
