#pragma once
// The table: made when it is not there, and known to forget what has expired or not.

#include "backends/backend.hpp"
#include "backends/dynamodb/service.hpp"

#include <atomic>

namespace coatcheck::dynamodb {

class table {
public:
    // All must outlive the table and what the runtime's threads do.
    table(const config& settings, service& calls, runtime& threads);

    // A call about an item of the table, as service::call. The table is made if it is not there and the URL lets it:
    // then the call waits for it, until `by`. The answer is done or condition_failed.
    awaitable<result<answer>> call(std::string_view operation, std::string body, effect does, deadline by);

    acknowledgement acknowledges() const;

private:
    enum class expiry : std::uint8_t { not_known, on, off };

    awaitable<result<void>> make(deadline by);
    awaitable<void> finish();
    awaitable<void> look();
    awaitable<std::string> status(deadline by);
    void start(awaitable<void> work);

    const config& config_;
    service& service_;
    runtime& threads_;
    std::atomic<bool> making_ = false;
    std::atomic<bool> looked_ = false; // or somebody does
    std::atomic<expiry> expiry_ = expiry::not_known;
};

} // namespace coatcheck::dynamodb
