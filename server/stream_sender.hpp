#pragma once
// Sends a streamed_body over a connection, which ends with it.

#include "server/streamed_body.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

namespace coatcheck {

template <class Stream>
class stream_sender {
public:
    // Tells how long the connection may stay as it is before its operations are cancelled.
    using limiter = std::function<void(std::chrono::steady_clock::duration)>;

    // `chunked`: for HTTP/1.1; otherwise the body ends where the connection does. All must outlive the sender.
    stream_sender(Stream& to, streamed_body& body, bool chunked, limiter limit)
        : to_(to), body_(body), chunked_(chunked), limit_(std::move(limit))
    {}

    // Until the body is complete or fails, the client leaves or is too slow, or the operations are cancelled. True if
    // the client has been told that the body is complete, so that the connection can be closed in peace.
    awaitable<bool> run()
    {
        using namespace boost::asio::experimental::awaitable_operators;
        boost::system::error_code ec;
        // More in the kernel would only hide that a client does not read.
        to_.lowest_layer().set_option(boost::asio::socket_base::send_buffer_size(send_buffer), ec);
        co_await (watch() || guarded_send());
        if (failure_)
            std::rethrow_exception(failure_);
        const bool is_late = is_writing_ && std::chrono::steady_clock::now() >= write_by_;
        if (why_ == ending::lost || is_late) {
            body_.give_up();
            to_.lowest_layer().set_option(boost::asio::socket_base::linger(true, 0), ec);
            co_return false;
        }
        if (why_ == ending::left || is_writing_)
            co_return false;
        if (chunked_) {
            limit_(last_chunk_limit);
            co_await boost::asio::async_write(to_, boost::asio::buffer("0\r\n\r\n", 5), redirected(ec));
        }
        co_return !ec;
    }

private:
    enum class ending : std::uint8_t { none, left, cancelled, complete, lost };

    static constexpr int send_buffer = 64 << 10;
    static constexpr std::chrono::seconds write_limit{10};
    static constexpr std::chrono::seconds last_chunk_limit{1};
    static constexpr std::chrono::hours no_limit{24 * 365};

    static auto redirected(boost::system::error_code& ec)
    {
        return boost::asio::redirect_error(boost::asio::use_awaitable_t<executor>{}, ec);
    }

    // Nothing more is expected of the client, so what it sends is dropped, and the end of it is its leaving.
    awaitable<void> watch()
    {
        boost::system::error_code ec;
        std::array<char, 512> dropped;
        while (!ec)
            co_await to_.async_read_some(boost::asio::buffer(dropped), redirected(ec));
        end(ec == boost::asio::error::operation_aborted ? ending::cancelled : ending::left);
    }

    // An exception would leave the other side of || waiting for a client that gets nothing any more.
    awaitable<void> guarded_send()
    {
        try {
            co_await send();
        } catch (...) {
            if (why_ == ending::none) // else it only tells of the cancellation
                failure_ = std::current_exception();
        }
    }

    awaitable<void> send()
    {
        boost::system::error_code ec;
        while (!ec) {
            limit_(no_limit);
            piece_.clear();
            const auto what = co_await body_.next(piece_);
            if (what != streamed_body::piece::some) {
                end(what == streamed_body::piece::last ? ending::complete : ending::lost);
                co_return;
            }
            limit_(write_limit);
            write_by_ = std::chrono::steady_clock::now() + write_limit;
            is_writing_ = true;
            co_await boost::asio::async_write(to_, framed(), redirected(ec));
            is_writing_ = static_cast<bool>(ec);
        }
        end(ending::left);
    }

    std::array<boost::asio::const_buffer, 3> framed()
    {
        if (!chunked_)
            return {boost::asio::buffer(piece_), {}, {}};
        const int n = std::snprintf(size_.data(), size_.size(), "%zx\r\n", piece_.size());
        return {boost::asio::buffer(size_.data(), static_cast<std::size_t>(n)), boost::asio::buffer(piece_),
                boost::asio::buffer("\r\n", 2)};
    }

    void end(ending why) noexcept
    {
        if (why_ == ending::none)
            why_ = why;
    }

    Stream& to_;
    streamed_body& body_;
    bool chunked_;
    limiter limit_;
    std::string piece_;
    std::array<char, 20> size_;
    bool is_writing_ = false; // within a piece
    std::chrono::steady_clock::time_point write_by_{};
    ending why_ = ending::none;
    std::exception_ptr failure_;
};

} // namespace coatcheck
