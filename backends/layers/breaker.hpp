#pragma once
// A circuit breaker over a backend, so that an outage costs its callers some deadlines and then nothing
// (https://martinfowler.com/bliki/CircuitBreaker.html).

#include "backends/backend.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

namespace coatcheck {

enum class circuit : std::uint8_t {
    closed,    // operations go to the backend
    open,      // they are refused with errc::unavailable at once
    half_open, // likewise, while one probe asks the backend
};

constexpr std::string_view name_of(circuit c) noexcept
{
    return c == circuit::closed ? "closed" : c == circuit::open ? "open" : "half_open";
}

// Opens after five failures in a row that tell of an outage: errc::unavailable and errc::timed_out. While it is open,
// probes of its own, one at a time and with growing pauses of at most 200 ms, find out when the backend is back: no
// caller waits for that.
//
// A store that fails in parts has no circuit: it would refuse what the servers that are there can answer. Its driver
// refuses for those that are away.
//
// errc::unavailable says that nothing was done, so whatever the operation was, it is tried once more after a short
// pause with full jitter; anything else might do harm twice.
class breaker final : public backend {
public:
    // Called on the thread that saw the change, open and closed alone; `why` is the failure that opened it.
    using observer = std::function<void(circuit now, const failure& why)>;

    breaker(std::unique_ptr<backend> keeper, observer changed);

    circuit state() const noexcept { return state_.load(std::memory_order_relaxed); }

    capabilities caps() const noexcept override { return keeper_->caps(); }
    acknowledgement acknowledges() const override { return keeper_->acknowledges(); }
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override;
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override;
    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override;
    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override;
    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override;
    awaitable<result<void>> probe(deadline by) override;

private:
    template <class T, class Operation>
    awaitable<result<T>> guard(Operation operation, deadline by);

    template <class T>
    bool shows_outage(executor on, const result<T>& answer);

    failure refusal() const;
    void open(executor on, const failure& why);
    awaitable<void> recover();

    const std::unique_ptr<backend> keeper_;
    const observer changed_;
    std::atomic<circuit> state_{circuit::closed};
    std::atomic<unsigned> failures_{0}; // in a row
    mutable std::mutex mutex_;
    failure last_{errc::unavailable, {}}; // guarded by mutex_
};

} // namespace coatcheck
