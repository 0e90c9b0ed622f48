#pragma once
// A place that credentials come from.

#include "backends/dynamodb/credentials/credentials.hpp"
#include "backends/dynamodb/credentials/environment.hpp"
#include "backends/transport/runtime.hpp"
#include "proto/error.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coatcheck::dynamodb {

class credential_source {
public:
    virtual ~credential_source() = default;

    // Nothing if this place has not been set up to have any; errc::unavailable, with a sentence that holds no secret,
    // if it has and does not. Reads small local files in the calling thread.
    virtual awaitable<result<std::optional<credentials>>> fetch(deadline by) = 0;
};

using credential_sources = std::vector<std::unique_ptr<credential_source>>;

// All of them, in their order: environment, web identity, profile, container, metadata of the instance. `threads` must
// outlive them. Throws std::invalid_argument for an endpoint that is none.
credential_sources make_credential_sources(const environment& from, const std::string& region, runtime& threads);

} // namespace coatcheck::dynamodb
