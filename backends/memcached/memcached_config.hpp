#pragma once
// What a memcached URL says (README.md has the forms).

#include "backends/memcached/ketama.hpp"
#include "backends/transport/connect.hpp"
#include "backends/url.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace coatcheck::memcached {

struct config {
    std::vector<address> servers;                   // at least one, none twice
    std::shared_ptr<boost::asio::ssl::context> tls; // null: none
    std::string user;                               // empty: no authentication
    std::string password;
    std::string prefix = "coatcheck:";
    layout how = layout::weighted;
    bool sasl = false; // said to be demanded; else found out
};

// Throws std::invalid_argument with a sentence for the operator that holds no password. Reads the TLS files.
config parse_config(const backend_url& url);

} // namespace coatcheck::memcached
