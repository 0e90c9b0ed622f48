#include "server/connections.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace coatcheck {

namespace {
constexpr std::chrono::milliseconds sweep_interval{250};
constexpr std::chrono::milliseconds drain_grace{1000};
} // namespace

connections::connections(boost::asio::io_context& context) : timer_(context.get_executor()) {}

awaitable<void> connections::sweep()
{
    for (;;) {
        timer_.expires_after(sweep_interval);
        boost::system::error_code ec;
        co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable_t<executor>{}, ec));
        if (ec)
            co_return;
        const auto now = std::chrono::steady_clock::now();
        for (auto& c : all_) {
            if (c.state_ == waiting_for::handling)
                continue;
            const bool idle = c.state_ == waiting_for::streaming ||
                              (c.state_ == waiting_for::request && now - c.since_ > drain_grace);
            if (now < c.until_ && !(draining_ && idle))
                continue;
            c.expired_ = true;
            c.cancel();
        }
    }
}

} // namespace coatcheck
