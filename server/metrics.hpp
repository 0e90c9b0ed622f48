#pragma once
// What the daemon counts, in Prometheus' text format. Labels are routes, methods, statuses, stores and errors: never a
// handle, which would be a series for each session.

#include "proto/error.hpp"
#include "server/request.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coatcheck {

// Each thread counts in memory of its own, without locks or atomic read-modify-writes: some nanoseconds a call. The
// `thread` of every call is runtime::this_thread(), the caller's own; routes, stores and keys are indices into the
// lists given at construction. Reading sums over the threads.
class metrics {
public:
    enum class operation : std::uint8_t { load, put, swap, end, extend };

    // `keys`: the names under which records are counted as opened; none where nothing is encrypted.
    metrics(std::size_t threads, std::vector<std::string> routes, std::vector<std::string> stores, std::string version,
            std::vector<std::string> keys = {});
    ~metrics();

    // One answer with this HTTP status, whether by a handler or before one was found.
    void count_request(std::size_t thread, std::size_t route, method m, int status) noexcept;

    // One operation of a store, failed or not.
    void count_operation(std::size_t thread, std::size_t store, operation op,
                         std::chrono::steady_clock::duration took) noexcept;
    void count_error(std::size_t thread, std::size_t store, operation op, errc what) noexcept;

    // A record that nobody can read, answered as if it were not there.
    void count_unreadable(std::size_t thread, std::size_t store) noexcept;

    // A use of an id whose rotation is over: somebody has an old ticket.
    void count_reuse(std::size_t thread, std::size_t store) noexcept;
    // A record at rest that was opened, by the place of its key among `keys`.
    void count_opened(std::size_t thread, std::size_t store, std::size_t key) noexcept;

    // Whether requests to the store are refused because it is away.
    void set_circuit(std::size_t store, bool open) noexcept;

    // A connection may be closed on another thread than it was opened on.
    void connection_opened(std::size_t thread) noexcept;
    void connection_closed(std::size_t thread) noexcept;

    // Over limits.connections, or without a file descriptor.
    void connection_refused(std::size_t thread) noexcept;

    std::size_t connections() const noexcept;

    // A reader of the events; one that was dropped is closed, too.
    void reader_opened(std::size_t thread) noexcept;
    void reader_closed(std::size_t thread) noexcept;
    void reader_dropped(std::size_t thread) noexcept;

    // The exposition, version 0.0.4 (Content-Type: text/plain; version=0.0.4; charset=utf-8). From any thread.
    std::string text() const;

private:
    class thread_counters;

    std::vector<std::string> routes_;
    std::vector<std::string> stores_;
    std::vector<std::string> keys_;
    std::vector<std::atomic<bool>> open_circuits_; // by store
    std::string version_;
    double started_; // seconds since the epoch
    std::vector<std::unique_ptr<thread_counters>> threads_;
};

} // namespace coatcheck
