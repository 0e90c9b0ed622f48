#pragma once
// What a Redis URL says (README.md has the forms).

#include "backends/transport/connect.hpp"
#include "backends/transport/tls.hpp"
#include "backends/url.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace coatcheck::redis {

struct config {
    address server;
    std::shared_ptr<boost::asio::ssl::context> tls; // null: none
    std::string user;                               // empty: the default user
    std::string password;                           // empty: no AUTH
    unsigned database = 0;
    std::string prefix = "coatcheck:";
};

// Throws std::invalid_argument with a sentence for the operator that holds no password. Reads the TLS files.
config parse_config(const backend_url& url);

} // namespace coatcheck::redis
