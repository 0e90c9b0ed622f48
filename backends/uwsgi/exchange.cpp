#include "backends/uwsgi/exchange.hpp"

#include "backends/transport/time_limit.hpp"
#include "backends/uwsgi/packet.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

namespace coatcheck::uwsgi {

namespace asio = boost::asio;
using outcome = answer::outcome;

namespace {

bool passed(deadline by) noexcept
{
    return by <= std::chrono::steady_clock::now();
}

answer gave_up(outcome otherwise, deadline by, std::string why)
{
    return {passed(by) ? outcome::late : otherwise, {}, std::move(why)};
}

// A write waits for its end, so the system has to notice that the way to the server is gone. What fails is left.
void bound_silence(stream& connection)
{
    constexpr unsigned unacknowledged_ms = 10'000;
    ::setsockopt(connection.lowest_layer().native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
                 sizeof unacknowledged_ms);
}

// The outcome `broken` also stands for a deadline that closed the connection.
awaitable<answer> converse(stream& connection, std::string_view packet)
{
    // A server that refuses a value closes before it has read it all, so what it says is read even then.
    const auto [unsent, written] = co_await connection.async_write(packet, as_result);
    static_cast<void>(written);
    reply_parser reply;
    std::array<char, 16384> received;
    for (;;) {
        const auto [ec, n] = co_await connection.async_read_some(asio::buffer(received), as_result);
        if (ec == asio::error::eof && !unsent && !reply.begun())
            co_return answer{outcome::nothing};
        if (ec)
            co_return answer{outcome::broken, {}, "the connection to uWSGI broke: " + ec.message()};
        const auto whole = reply.feed({received.data(), n});
        if (!whole)
            co_return answer{outcome::broken, {}, whole.error().detail};
        if (*whole)
            co_return answer{outcome::yes, reply.take_value()};
    }
}

} // namespace

awaitable<answer> exchange(executor on, const address& to, std::string_view packet, effect does, deadline by)
{
    if (passed(by))
        co_return answer{outcome::late, {}, "the deadline was over before it was the turn of uWSGI"};
    const auto connected = co_await connect(on, to, nullptr, by);
    if (!connected)
        co_return gave_up(outcome::not_sent, by, connected.error().detail);
    bound_silence(**connected);
    std::optional<time_limit> limit;
    if (does == effect::reads)
        limit.emplace(*connected, by);
    auto got = co_await converse(**connected, packet);
    if (does == effect::reads && got.is(outcome::broken))
        co_return gave_up(outcome::broken, by, std::move(got.why));
    co_return got;
}

} // namespace coatcheck::uwsgi
