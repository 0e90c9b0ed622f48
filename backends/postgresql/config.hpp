#pragma once
// What a PostgreSQL URL says (README.md has the forms).

#include "backends/url.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coatcheck::postgresql {

enum class preparing : std::uint8_t {
    automatic, // unless a pooler is between
    always,
    never,
};

struct config {
    std::vector<host_port> servers;           // a name, an address, or the folder of a Unix socket
    std::map<std::string, std::string> libpq; // libpq's other parameters
    std::string table;                        // as SQL names it, quoted
    std::size_t connections = 2;
    preparing prepare = preparing::automatic;
    std::chrono::milliseconds sweep{60'000}; // how often expired records are removed, about; 0: never
};

constexpr std::uint16_t default_port = 5432;

// Throws std::invalid_argument with a sentence for the operator that holds no password. Looks at the TLS files.
config parse_config(const backend_url& url);

bool is_socket_folder(const std::string& host) noexcept;

} // namespace coatcheck::postgresql
