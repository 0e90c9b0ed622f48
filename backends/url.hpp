#pragma once
// A backend's URL, taken apart (RFC 3986).

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck {

struct host_port {
    std::string host; // an IPv6 address without its brackets
    std::optional<std::uint16_t> port;

    friend bool operator==(const host_port&, const host_port&) = default;
};

struct backend_url {
    std::string scheme;
    std::string user;                         // percent-decoded
    std::string password;                     // percent-decoded
    std::vector<host_port> hosts;             // in their order; none where there is no name and no port
    std::string path;                         // percent-decoded, with its leading slash; empty if there is none
    std::map<std::string, std::string> query; // percent-decoded

    // Throws std::invalid_argument with a sentence for the operator that holds no password.
    static backend_url parse(std::string_view text);

    // The first of the hosts; one without a name where there is none.
    host_port host() const { return hosts.empty() ? host_port{} : hosts.front(); }

    // The URL as it may be logged: without the password.
    std::string redacted() const;
};

// The query parameters of a URL, each taken once; what was not taken by finish() is an error, so that a misspelt
// parameter is never ignored.
class url_parameters {
public:
    explicit url_parameters(const backend_url& url);

    std::optional<std::string> take(const std::string& name);
    std::optional<std::size_t> take_bytes(const std::string& name);                  // "64MiB", "1048576"
    std::optional<std::chrono::milliseconds> take_duration(const std::string& name); // "500ms", "10s", "5m"

    // Throws std::invalid_argument that names what is unknown.
    void finish() const;

private:
    std::string scheme_;
    std::map<std::string, std::string> left_;
};

// "64MiB", "512KiB", "1GiB" or plain bytes; nullopt if it is none.
std::optional<std::size_t> parse_bytes(std::string_view text) noexcept;

// "500ms", "10s", "5m", "12h", "30d"; a bare number is seconds; nullopt if it is none.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

} // namespace coatcheck
