#pragma once
// What a Redis URL says (README.md has the forms).

#include "backends/transport/connect.hpp"
#include "backends/transport/tls.hpp"
#include "backends/url.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace coatcheck::redis {

// Whom the servers of the URL are.
enum class set_up : std::uint8_t {
    server,   // the one that keeps the sessions
    cluster,  // some nodes of a Redis Cluster, which know the others
    sentinel, // Sentinels, which know the master
};

struct credentials {
    std::string user;     // empty: the default user
    std::string password; // empty: no AUTH
};

struct config {
    set_up kind = set_up::server;
    std::vector<address> servers;                   // at least one; exactly one of set_up::server
    std::shared_ptr<boost::asio::ssl::context> tls; // null: none
    std::string tls_name;                           // that certificates have to be for; empty: the host
    credentials login;                              // of the servers that keep the sessions
    credentials sentinel_login;
    std::string master; // as the Sentinels call it
    unsigned database = 0;
    std::string prefix = "coatcheck:";
};

// Throws std::invalid_argument with a sentence for the operator that holds no password. Reads the TLS files.
config parse_config(const backend_url& url);

} // namespace coatcheck::redis
