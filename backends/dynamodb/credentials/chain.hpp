#pragma once
// The credentials that are good now, for all threads.

#include "backends/dynamodb/credentials/source.hpp"
#include "backends/transport/waiters.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace coatcheck::dynamodb {

// The first source that has credentials gives them. They are renewed five minutes before they expire, by one caller for
// all; meanwhile, and while that fails, the old ones serve until they expire. After a failure callers are refused for
// up to a second.
class credential_chain {
public:
    using shared = std::shared_ptr<const credentials>;
    static constexpr std::chrono::seconds default_pace{5};

    // `threads` must outlive the chain, which is destroyed only when none of them runs. `pace`: the least time between
    // two renewals.
    credential_chain(runtime& threads, credential_sources sources, std::chrono::milliseconds pace = default_pace);
    ~credential_chain();
    credential_chain(const credential_chain&) = delete;
    credential_chain& operator=(const credential_chain&) = delete;

    // Called by any thread of the runtime. Fails with errc::unavailable, and errc::timed_out past `by`.
    awaitable<result<shared>> current(deadline by);

    // A service said that `used` have expired: they are not given out again, unless a source has nothing else.
    void expired(const shared& used);

    // A service refused `used`: others are asked for.
    void refused(const shared& used);

private:
    using clock = std::chrono::steady_clock;

    struct call : waiting_call {
        std::size_t thread = 0;
    };

    awaitable<void> renew();
    awaitable<result<credentials>> first_found(deadline by);
    bool is_usable(std::chrono::minutes left) const;

    runtime& threads_;
    const credential_sources sources_;
    const std::chrono::milliseconds pace_;
    std::vector<std::shared_ptr<waiters>> waiters_; // by thread

    std::mutex mutex_; // of all below
    shared now_;
    failure why_{errc::unavailable, "there are no AWS credentials yet"}; // of the last renewal that failed
    bool doubted_ = false;
    bool renewing_ = false;
    clock::time_point not_before_{}; // of the next renewal
    std::vector<std::shared_ptr<call>> waiting_;
};

} // namespace coatcheck::dynamodb
