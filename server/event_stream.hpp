#pragma once
// The body of GET /v1/events: server-sent events (WHATWG HTML, 9.2) from the event log.

#include "server/event_log.hpp"
#include "server/service.hpp"
#include "server/streamed_body.hpp"

#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

class event_stream final : public streamed_body {
public:
    // Which events are shown, beside those of stores that the caller's token does not name.
    struct filter {
        std::optional<std::string> store;
        std::optional<std::string> subject;
    };

    // Follows `s.events` behind `in`'s Last-Event-ID, as long as the token of `in` has the scope admin. `s` and `in`
    // must outlive it. Null if there are as many readers as there may be.
    static std::shared_ptr<event_stream> open(service& s, const request& in, filter wanted, executor where);

    ~event_stream() override;

    awaitable<piece> next(std::string& out) override;
    void give_up() noexcept override;

private:
    using timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                    boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

    event_stream(service& s, const request& in, filter wanted, std::shared_ptr<timer> woken,
                 std::unique_ptr<event_log::reader> reader);

    bool shows(const event& e, const access::grant& to) const noexcept;

    service& service_;
    const request& in_;
    std::size_t thread_;
    filter wanted_;
    std::shared_ptr<timer> woken_; // cancelled when there is more to read
    std::unique_ptr<event_log::reader> reader_;
    std::vector<event> batch_;
    bool has_begun_ = false;
    std::chrono::steady_clock::time_point heartbeat_at_;
};

// Appends `e` as one server-sent event. All that comes from callers is within the JSON of one data line.
void append_event(const event& e, std::string_view cursor, std::string& out);

} // namespace coatcheck
