#pragma once
// What a dynamodb:// URL says.

#include "backends/dynamodb/endpoint.hpp"
#include "backends/url.hpp"

#include <string>

namespace coatcheck::dynamodb {

struct config {
    std::string region;
    std::string table;
    std::string profile; // of AWS's files; empty: what the environment says
    endpoint where;
    std::string ca;
    bool amazon = true; // the endpoint is one of Amazon's
    bool create = true; // make the table if it is not there
};

// Throws std::invalid_argument.
config parse_config(const backend_url& url);

} // namespace coatcheck::dynamodb
