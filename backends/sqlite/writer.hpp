#pragma once
// The one thread that writes to the file. Writes that wait while a transaction is on its way to the disk share the
// next.

#include "backends/sqlite/config.hpp"
#include "backends/sqlite/job.hpp"
#include "backends/sqlite/sessions_table.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <random>
#include <span>
#include <thread>

namespace coatcheck::sqlite {

class writer {
public:
    // Opens the file, brings it to this release's schema and starts the thread. Throws std::runtime_error. `threads`
    // must outlive the writer.
    writer(const config& c, runtime& threads);

    // What waits is dropped: the runtime must not be running any more.
    ~writer();

    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    // Runs `work` in a transaction and resumes on the calling thread, which must be one of the runtime's, after it has
    // been committed. `work` must own what it uses. `payload` is its size in bytes; what does
    // not grow the file is done on a full disk too.
    awaitable<result<write>> execute(std::function<result<write>(sessions_table&)> work, std::size_t payload,
                                     bool grows, deadline by);

private:
    using clock = std::chrono::steady_clock;
    using batch = std::vector<job_ptr>;

    static int wait_for_other_daemons(void* self, int tries);

    bool submit(const job_ptr& next);
    batch take(clock::time_point latest);
    void loop();
    void perform(const batch& jobs);
    std::optional<failure> transact(std::span<const job_ptr> jobs);
    result<void> reserve();
    void give_back(const batch& jobs);
    clock::time_point sweep();

    connection db_;
    sessions_table table_;
    statement page_count_;
    std::int64_t page_size_; // bytes
    runtime& threads_;
    std::vector<std::shared_ptr<waiters>> waiters_; // by thread of the runtime

    std::atomic<bool> stopping_ = false;
    std::mutex mutex_;
    std::condition_variable work_;
    std::deque<job_ptr> queue_;    // guarded by mutex_
    std::size_t queued_bytes_ = 0; // guarded by mutex_

    clock::time_point patience_{}; // the thread's: until when it waits for another daemon's transaction
    std::minstd_rand jitter_{std::random_device{}()};
    std::thread thread_;
};

} // namespace coatcheck::sqlite
