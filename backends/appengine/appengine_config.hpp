#pragma once
// What an App Engine URL says (README.md has the forms).

#include "backends/transport/connect.hpp"
#include "backends/url.hpp"

#include <string>

namespace coatcheck::appengine {

struct config {
    address proxy;
    std::string name_space;
    std::string prefix = "coatcheck:";
    std::string ticket; // empty: none is sent
};

// Throws std::invalid_argument with a sentence for the operator that holds no ticket. Without a host it looks into the
// environment, as Google's SDKs do.
config parse_config(const backend_url& url);

} // namespace coatcheck::appengine
