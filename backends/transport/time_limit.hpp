#pragma once
// Closes a stream at a moment, unless destroyed before: for the few steps that make a connection. (A timer costs 4 µs,
// too much for one a request.)

#include "backends/transport/stream.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <memory>

namespace coatcheck {

using steady_timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                       boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

class time_limit {
public:
    time_limit(const std::shared_ptr<stream>& what, deadline by) : timer_(what->get_executor(), by)
    {
        timer_.async_wait([weak = std::weak_ptr(what)](boost::system::error_code ec) {
            if (ec)
                return;
            if (const auto alive = weak.lock())
                alive->close();
        });
    }

private:
    steady_timer timer_;
};

} // namespace coatcheck
