#pragma once
// Work that goes on while a test changes the servers below it.

#include "tests/conformance/fixture.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace coatcheck::conformance {

// Writes and reads of the same sessions, all the time until stop().
class load {
public:
    load(fixture& f, std::vector<session_key> keys) : f_(f), keys_(std::move(keys))
    {
        running_ = std::jthread([this](const std::stop_token& stop) {
            for (int round = 0; !stop.stop_requested(); ++round)
                f_.parallel(keys_.size(),
                            [&, round](std::size_t i) -> awaitable<void> { co_await one(keys_[i], round); });
        });
    }
    ~load() { stop(); }
    load(const load&) = delete;
    load& operator=(const load&) = delete;

    void stop()
    {
        if (running_.joinable()) {
            running_.request_stop();
            running_.join();
        }
    }

    // Until so many more operations were done.
    void go_on(int operations) const
    {
        const int until = done_ + operations;
        for (const auto end = std::chrono::steady_clock::now() + 30s;
             done_ < until && std::chrono::steady_clock::now() < end;)
            std::this_thread::sleep_for(1ms);
    }

    std::atomic<int> failed = 0;
    std::atomic<int> wrong = 0;
    std::string why; // of the first that failed; read after stop()

private:
    awaitable<void> one(const session_key& key, int round)
    {
        const auto changes = plain_changes();
        const auto payload = std::string(key.name.str()) + std::to_string(round);
        const auto written = co_await f_.store().put(key, changes, payload, precondition::none(), f_.now, soon());
        note(written);
        const auto held = co_await f_.store().load(key, soon());
        note(held);
        if (written && held && (!*held || (*held)->payload != payload))
            ++wrong;
        ++done_;
    }

    template <class T>
    void note(const result<T>& answer)
    {
        if (answer)
            return;
        const std::lock_guard lock(mutex_);
        if (failed++ == 0)
            why = answer.error().detail;
    }

    fixture& f_;
    std::vector<session_key> keys_;
    std::atomic<int> done_ = 0;
    std::mutex mutex_;
    std::jthread running_;
};

} // namespace coatcheck::conformance
