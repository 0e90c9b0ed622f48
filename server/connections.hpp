#pragma once
// The connections of one thread: a coarse sweep ends those that are too slow, because a timer for each operation would
// cost 4 µs a request.

#include "backends/transport/runtime.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>

namespace coatcheck {

// What a connection waits for. Each state but `handling`, which the store's deadline bounds, has its own time limit.
enum class waiting_for : std::uint8_t { handshake, request, header, body, handling, write, streaming, close };

class swept_connection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    swept_connection(const swept_connection&) = delete;
    swept_connection& operator=(const swept_connection&) = delete;

protected:
    swept_connection() = default;
    virtual ~swept_connection() = default;

    void wait_for(waiting_for what, std::chrono::steady_clock::duration limit) noexcept
    {
        state_ = what;
        since_ = std::chrono::steady_clock::now();
        until_ = since_ + limit;
    }
    waiting_for state() const noexcept { return state_; }
    bool expired() const noexcept { return expired_; }

private:
    friend class connections;

    // Ends the operation that the connection waits in.
    virtual void cancel() noexcept = 0;

    waiting_for state_ = waiting_for::request;
    bool expired_ = false;
    std::chrono::steady_clock::time_point since_{};
    std::chrono::steady_clock::time_point until_{};
};

// Used on one thread only. A connection leaves by being destroyed.
class connections {
public:
    explicit connections(boost::asio::io_context& context);

    void add(swept_connection& c) noexcept { all_.push_back(c); }

    // From now on a connection that waits for a request, and has done so for a second, is ended, and one that streams
    // at once.
    void drain() noexcept { draining_ = true; }

    // Sweeps until the context stops.
    awaitable<void> sweep();

private:
    using list = boost::intrusive::list<swept_connection, boost::intrusive::constant_time_size<false>>;

    list all_;
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      executor>
        timer_;
    bool draining_ = false;
};

} // namespace coatcheck
