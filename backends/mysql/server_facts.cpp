#include "backends/mysql/server_facts.hpp"

#include <algorithm>

namespace coatcheck::mysql {

namespace {

constexpr std::uint64_t mediumblob = (1U << 24U) - 1;

// Of a packet: the other columns at their longest and the protocol around them take less than 2.5 KiB of it.
constexpr std::uint64_t beside_payload = 4096;

// 1 syncs at the commit; MariaDB's 3 at the prepare too.
bool syncs_log(unsigned flush_at_commit) noexcept
{
    return flush_at_commit == 1 || flush_at_commit == 3;
}

} // namespace

std::size_t largest_payload(std::uint64_t max_allowed_packet) noexcept
{
    return std::min(mediumblob, max_allowed_packet - std::min(max_allowed_packet, beside_payload));
}

void server_facts::learn(const server_settings& said) noexcept
{
    max_payload_ = largest_payload(said.max_allowed_packet);
    flush_at_commit_ = said.flush_at_commit;
    binary_log_ = said.binary_log;
    sync_binlog_ = said.sync_binlog;
    known_ = true;
}

// A write that is in InnoDB's log and not in the binary log is rolled back when the server recovers.
bool server_facts::durable() const noexcept
{
    return known_ && syncs_log(flush_at_commit_) && (!binary_log_ || sync_binlog_ == 1);
}

acknowledgement server_facts::acknowledges() const
{
    if (!known_)
        return {"not known until MySQL answers", ""};
    const unsigned flush = flush_at_commit_;
    const std::string set = "innodb_flush_log_at_trx_commit=" + std::to_string(flush);
    const std::string synced = "sync_binlog=" + std::to_string(sync_binlog_);
    if (flush == 0)
        return {"written to the server's memory: " + set,
                "a crash of the server loses the last second of writes, logouts among them; set it to 1"};
    if (!syncs_log(flush))
        return {"handed to the server's operating system, not synced to its disk: " + set,
                "a power cut of the server loses the last second of writes, logouts among them; set it to 1"};
    if (binary_log_ && sync_binlog_ != 1)
        return {"synced to the server's disk, but not to its binary log: " + set + ", " + synced,
                "recovery after a power cut drops what the binary log lacks, logouts among it; set sync_binlog to 1"};
    return {"synced to the server's disk: " + set + (binary_log_ ? ", " + synced : ""), ""};
}

} // namespace coatcheck::mysql
