#pragma once
// What all connections to a store know of its absence, so that one of them tries and the others need not wait.

#include <chrono>
#include <mutex>
#include <string>

namespace coatcheck::mongodb {

// Thread safe.
class outage {
public:
    using clock = std::chrono::steady_clock;

    // Whether who has no connection may try for one: always, unless the store is known to be away; then one at a time,
    // with jittered pauses between them. Who may try says how it went.
    bool may_try(clock::time_point now);

    void failed(clock::time_point now, std::string why);
    void over();

    // Why the last attempt failed.
    std::string why() const;

private:
    mutable std::mutex mutex_;
    bool known_ = false;
    clock::time_point next_; // attempt
    std::chrono::milliseconds pause_{};
    std::string why_;
};

} // namespace coatcheck::mongodb
