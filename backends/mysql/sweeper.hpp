#pragma once
// Removes the rows that may be forgotten.

#include "backends/mysql/client.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

namespace coatcheck::mysql {

// A thread of its own that now and then connects, removes what is past its keep_until by this machine's clock, and
// disconnects. One daemon at a time: who finds another at it leaves it to that one. Rows that somebody has locked stay
// for the next time.
class sweeper {
public:
    // All three must outlive the sweeper. Set `stopping` before it is destroyed.
    sweeper(const config& settings, const statements& sql, const std::atomic<bool>& stopping);
    ~sweeper();
    sweeper(const sweeper&) = delete;
    sweeper& operator=(const sweeper&) = delete;

private:
    void loop(const std::stop_token& stop);
    bool pause(std::chrono::milliseconds time, const std::stop_token& stop);
    void sweep(const std::stop_token& stop);
    std::size_t remove_some(client& with);

    const config& config_;
    const statements& sql_;
    const std::atomic<bool>& stopping_;
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::minstd_rand jitter_{std::random_device{}()};
    std::jthread thread_;
};

} // namespace coatcheck::mysql
