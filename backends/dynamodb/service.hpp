#pragma once
// Calls of DynamoDB: signed, and repeated where that can do no harm.

#include "backends/dynamodb/answer.hpp"
#include "backends/dynamodb/credentials/chain.hpp"
#include "backends/dynamodb/dynamodb_config.hpp"
#include "backends/transport/http_client.hpp"

#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

class service {
public:
    // `settings` and `threads` must outlive the service, which is destroyed only when none of them runs.
    service(const config& settings, runtime& threads);

    // The answer is one of done, condition_failed, no_table and in_use. Failures: errc::timed_out if the call may have
    // been done; else nothing was: errc::unavailable, errc::too_large for the item, errc::internal for a request that
    // DynamoDB does not understand. What was throttled, and what only reads, is asked again until `by`.
    awaitable<result<answer>> call(std::string_view operation, std::string body, effect does, deadline by);

private:
    const config& config_;
    http_client http_;
    credential_chain credentials_;
};

} // namespace coatcheck::dynamodb
