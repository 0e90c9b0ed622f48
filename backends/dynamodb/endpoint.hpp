#pragma once
// Where an AWS service listens.

#include "backends/transport/http_client.hpp"
#include "backends/transport/tls.hpp"

#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

struct endpoint {
    std::string host; // an IPv6 address without its brackets
    std::uint16_t port = 0;
    bool tls = false;
    std::string target = "/";
};

// http://HOST[:PORT][/…] or https://…. Throws std::invalid_argument that names `what`.
endpoint parse_endpoint(std::string_view url, std::string_view what);

// Of a service in a region: https, in China under its own domain.
endpoint endpoint_of(std::string_view service, std::string_view region);

// `ca` is the file of the authorities to trust; empty: the system's. Throws std::invalid_argument if it cannot be used.
http_server server_at(const endpoint& where, std::string name, const std::string& ca = {});

} // namespace coatcheck::dynamodb
