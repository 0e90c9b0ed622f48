#pragma once
// The client behind `coatcheckd --health`, for containers without curl: asks a running daemon for /readyz.

#include "server/config.hpp"

#include <chrono>
#include <string>

namespace coatcheck {

struct health_target {
    listen_address where;
    bool tls = false;

    // "http://127.0.0.1:8642", "https://[::1]:8642" or "unix:/run/coatcheck.sock". Throws std::invalid_argument.
    static health_target parse(const std::string& text);

    // The daemon of this configuration: the ops listener, else a Unix socket, else the first listener.
    static health_target of(const config& c);
};

struct health {
    bool ready;       // true: exit status 0, false: 1
    std::string text; // one line for a person
};

// Blocks for `limit` at most. TLS is spoken without verifying the certificate: the question and the answer are no
// secrets, and the certificate names the public host, not the loopback. A listener that asks for client certificates
// cannot be asked; ops_listen is for that.
health check_health(const health_target& target, std::chrono::milliseconds limit = std::chrono::seconds(3));

} // namespace coatcheck
