#pragma once
// Encryption at rest: a backend that shows plain records over one that keeps sealed ones (proto/sealed_payload.hpp).

#include "backends/backend.hpp"
#include "proto/sealed_payload.hpp"

#include <functional>
#include <memory>

namespace coatcheck {

enum class plain_records : std::uint8_t {
    refuse, // a record that is not sealed fails with errc::unknown_key and is never replaced by a write
    accept, // it is read, and sealed by the next write
};

// A seal is bound to the version, the creation, the absolute end and the subject of its record. So a put() reads first
// and swaps, and a swap() that keeps the payload seals it anew unless all these stay: `seen` must be from a load(), or
// have been as good as one, because nothing else opens what is there. Tombstones hold nothing and are not sealed; end()
// and extend() are those of the backend below, whatever its record holds.
class encrypt final : public backend {
public:
    // Called on the thread that opened a record, with its key's place among the sealer's, or as many as there are for
    // a record that was not sealed.
    using observer = std::function<void(std::size_t key)>;

    encrypt(std::unique_ptr<backend> keeper, std::shared_ptr<const sealer> seals, plain_records plain, observer opened);

    capabilities caps() const noexcept override;
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
    result<record> open(const handle& name, record stored) const;
    awaitable<result<bool>> swap_in(const session_key& key, const head* seen, const head& next,
                                    std::string_view payload, time_point now, deadline by);

    const std::unique_ptr<backend> keeper_;
    const std::shared_ptr<const sealer> seals_;
    const plain_records plain_;
    const observer opened_;
};

} // namespace coatcheck
