#pragma once
// A backend over a store that can do no more in one step than to swap a value that has not changed since it was read.

#include "backends/backend.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// What proto/change.hpp says is done here, on what was read; who loses the swap to another reads again, until the
// deadline. A driver derives from it and has the protected operations, each one atomic step of its server's. They fail
// as backend.hpp says: errc::timed_out if the write may have landed, errc::unavailable if it has not.
class compare_and_swap_backend : public backend {
public:
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) final;
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override;
    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) final;
    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) final;
    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) final;

protected:
    // A value as it was read. `swap` is what tells that it has not changed since, such as a memcached item's CAS
    // unique. The revision alone does not: a record that is remembered no longer is replaced by one that begins at 1
    // again.
    struct stored {
        std::uint64_t swap = 0;
        result<head> about; // errc::corrupt and errc::newer_format are what the value is, not failures to read it
        std::string payload;
    };

    enum class part : std::uint8_t {
        head, // the payload may be left out, where that is cheaper
        whole,
    };
    virtual awaitable<result<std::optional<stored>>> read(const session_key& key, part needed, deadline by) = 0;

    // Only where there is nothing; false if there is something. The store keeps it until its keep_until.
    virtual awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                           deadline by) = 0;

    // Only where `old.swap` still holds; false if it does not, or if there is nothing any more.
    virtual awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                            std::string_view payload, deadline by) = 0;

    // The same, but the payload stays; `old` was read as needed_to_extend() says.
    virtual awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                                 deadline by) = 0;

    // What replace_head() needs of the old value.
    virtual part needed_to_extend() const noexcept { return part::head; }

    // A store that is full refused a tombstone: makes room by forgetting the value, if `old.swap` still holds.
    virtual awaitable<result<void>> make_room(const session_key& key, const stored& old, deadline by) = 0;

    // One attempt of put() on what was read; nullopt if somebody else was faster. For drivers whose own put() learned
    // what is stored in another way.
    awaitable<result<std::optional<write>>> put_over(const session_key& key, const std::optional<stored>& old,
                                                     const head_changes& changes, std::string_view payload,
                                                     precondition when, time_point now, deadline by);
};

} // namespace coatcheck
