#pragma once
// Removes the files of records that may be forgotten: slowly, in a thread of its own.

#include "backends/filesystem/session_files.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>

namespace coatcheck::filesystem {

class sweeper {
public:
    // Begins at once. `known` must outlive it.
    sweeper(std::filesystem::path root, synced_folders& known);

private:
    using clock = std::chrono::steady_clock;

    static constexpr std::size_t leaves = folder_names.size() * folder_names.size();

    void loop(const std::stop_token& stop);
    clock::duration step(const std::stop_token& stop);
    void look_through_next_leaf(const descriptor& sessions, const std::stop_token& stop);
    void look_at(const descriptor& leaf, const handle& name, time_point now);
    clock::duration jittered(clock::duration about);

    std::filesystem::path root_;
    session_files files_;
    std::minstd_rand jitter_{std::random_device{}()};
    std::size_t next_ = 0;    // the leaf that comes next, of all there may be
    std::size_t seen_ = 0;    // by this step
    std::size_t removed_ = 0; // by this step
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

} // namespace coatcheck::filesystem
