#pragma once
// What the URL of a uWSGI cache says (README.md has the forms).

#include "backends/transport/connect.hpp"
#include "backends/url.hpp"

#include <cstddef>
#include <string>

namespace coatcheck::uwsgi {

struct config {
    address server;
    std::string cache; // its name
    std::string prefix = "coatcheck:";
    std::size_t max_value = 65536; // bytes, head included: the cache's blocksize or maxitemsize
};

// Throws std::invalid_argument with a sentence for the operator.
config parse_config(const backend_url& url);

} // namespace coatcheck::uwsgi
