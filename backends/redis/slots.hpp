#pragma once
// How a Redis Cluster deals keys to nodes, without I/O.
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/

#include "backends/redis/resp.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck::redis {

constexpr std::size_t slot_count = 16384;

// CRC-16/XMODEM.
std::uint16_t crc16(std::string_view bytes) noexcept;

// The slot of a key: of what stands between its first '{' and the next '}', if there is something.
std::size_t slot_of(std::string_view key) noexcept;

struct node_address {
    std::string host;
    std::uint16_t port = 0;

    friend auto operator<=>(const node_address&, const node_address&) = default;
};

std::string to_string(const node_address& a);

struct slot_range {
    std::uint16_t first;
    std::uint16_t last;
    node_address master;

    friend bool operator==(const slot_range&, const slot_range&) = default;
};

struct topology {
    std::vector<slot_range> ranges;

    friend bool operator==(const topology&, const topology&) = default;
};

// Of the reply to CLUSTER SLOTS. A node that does not know its host is where `asked` is. Nothing if it is no such
// reply.
std::optional<topology> topology_of(const reply& slots, std::string_view asked);

struct redirection {
    bool ask; // for this command alone, after ASKING; else for all of the slot
    node_address to;
};

// What "MOVED slot host:port" and "ASK slot host:port" say; without a host it is `asked`. Nothing if the reply is
// another.
std::optional<redirection> redirection_of(const reply& r, std::string_view asked);

} // namespace coatcheck::redis
