#pragma once
// A layer that counts the operations of a store.

#include "backends/backend.hpp"
#include "server/metrics.hpp"

namespace coatcheck {

class measured_backend final : public backend {
public:
    // `store` is the store's place in `counters`. Both must outlive this.
    measured_backend(backend& keeper, std::size_t store, metrics& counters) noexcept
        : keeper_(keeper), store_(store), counters_(counters)
    {}

    capabilities caps() const noexcept override { return keeper_.caps(); }
    acknowledgement acknowledges() const override { return keeper_.acknowledges(); }
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override;
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override;
    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override;
    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override;
    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override;
    awaitable<result<void>> probe(deadline by) override { return keeper_.probe(by); }

private:
    template <class T>
    awaitable<result<T>> measured(metrics::operation op, awaitable<result<T>> work);

    backend& keeper_;
    std::size_t store_;
    metrics& counters_;
};

} // namespace coatcheck
