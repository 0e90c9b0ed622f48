#pragma once
// What stands in encrypt's place where there are no keys: it keeps the daemon off records that others sealed.

#include "backends/backend.hpp"

#include <memory>

namespace coatcheck {

// A sealed record fails with errc::unknown_key and is never replaced by a write. Its mark tells it, and keeps put() off
// it (proto/sealed_payload.hpp), so each operation costs what it costs below, and a put() that brings a lock's token
// a load() more: the mark is a lock, and a token might be taken for its.
class unsealed final : public backend {
public:
    explicit unsealed(std::unique_ptr<backend> keeper);

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
    const std::unique_ptr<backend> keeper_;
};

} // namespace coatcheck
