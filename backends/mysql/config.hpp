#pragma once
// What a MySQL URL says (README.md has the forms).

#include "backends/transport/tls.hpp"
#include "backends/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace coatcheck::mysql {

struct config {
    std::string host; // unused if there is a socket
    std::uint16_t port = 3306;
    std::string socket; // path of a Unix socket
    std::string user;
    std::string password;
    std::string database;
    std::string table = "coatcheck_sessions"; // letters, digits and _, at most 64
    bool loopback = false;                    // or a socket: what is said leaves the machine nowhere
    bool tls = true;                          // the certificate and the host's name are verified
    tls_files files;
    std::size_t pool = 2;                        // connections
    std::chrono::milliseconds sweep_interval{0}; // between two looks for expired rows, on average
};

// Throws std::invalid_argument with a sentence for the operator that holds no password. Reads the TLS files.
config parse_config(const backend_url& url);

} // namespace coatcheck::mysql
