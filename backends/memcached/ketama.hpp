#pragma once
// Which of several servers has a key, exactly as libmemcached computes it, so that its clients (pylibmc, PHP's
// memcached) and Coatcheck agree.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck::memcached {

enum class layout : std::uint8_t {
    weighted, // MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED with equal weights: MD5, 160 points a server
    plain,    // MEMCACHED_BEHAVIOR_KETAMA: Jenkins' one-at-a-time hash, 100 points a server
};

struct ketama_server {
    std::string host; // as written: an address and a name of it are two servers
    std::uint16_t port;
};

class ketama {
public:
    // Throws std::runtime_error if OpenSSL has no MD5.
    ketama(const std::vector<ketama_server>& servers, layout how);

    // The index of the server that has `key`.
    std::size_t server_of(std::string_view key) const;

private:
    struct point {
        std::uint32_t value;
        std::size_t server;
    };

    layout how_;
    std::vector<point> points_; // by value; empty for one server
};

} // namespace coatcheck::memcached
