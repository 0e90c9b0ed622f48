#pragma once
// The threads that the daemon runs on: one io_context each, nothing shared between them.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

namespace coatcheck {

// Typed, so that a resume costs no virtual call.
using executor = boost::asio::io_context::executor_type;

template <class T>
using awaitable = boost::asio::awaitable<T, executor>;

// When a caller stops waiting. On the steady clock, so it is not a time_point and does not convert to one.
using deadline = std::chrono::steady_clock::time_point;

class runtime {
public:
    explicit runtime(std::size_t threads);

    std::size_t threads() const noexcept { return contexts_.size(); }
    boost::asio::io_context& context(std::size_t index) noexcept { return *contexts_[index]; }

    // Which of the runtime's threads runs the caller; set by run(). Anything that keeps state per thread indexes by it.
    static std::size_t this_thread() noexcept;

    // Runs context `index` on the calling thread until it has no work or is stopped.
    void run(std::size_t index);

    void stop();

private:
    std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
};

} // namespace coatcheck
