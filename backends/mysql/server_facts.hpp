#pragma once
// What the server said of itself when last connected to.

#include "backends/backend.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coatcheck::mysql {

struct server_settings {
    std::uint64_t max_allowed_packet; // bytes
    unsigned flush_at_commit;         // innodb_flush_log_at_trx_commit
    bool binary_log;                  // log_bin
    std::uint64_t sync_binlog;
};

// Bytes of a payload that a MEDIUMBLOB and the server's packets have room for, whatever its subject and its label.
std::size_t largest_payload(std::uint64_t max_allowed_packet) noexcept;

// Thread safe.
class server_facts {
public:
    void learn(const server_settings& said) noexcept;

    std::size_t max_payload() const noexcept { return max_payload_; }
    bool durable() const noexcept;
    acknowledgement acknowledges() const;

private:
    std::atomic<bool> known_ = false;
    std::atomic<std::size_t> max_payload_ = largest_payload(UINT64_MAX);
    std::atomic<unsigned> flush_at_commit_ = 0;
    std::atomic<bool> binary_log_ = false;
    std::atomic<std::uint64_t> sync_binlog_ = 0;
};

} // namespace coatcheck::mysql
