#pragma once
// A connection to a store: TCP or a Unix socket, with TLS over it or without.

#include "backends/transport/runtime.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace coatcheck {

// A completion token: `auto [ec, …] = co_await op(…, as_result)`.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable_t<executor>{});

// Belongs to the thread of its executor. One read and one write at a time.
class stream {
public:
    using endpoint = boost::asio::generic::stream_protocol::endpoint;
    using socket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol, executor>;
    using tls_stream = boost::asio::ssl::stream<socket&>;

    explicit stream(executor on) : socket_(on) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    executor get_executor() noexcept { return socket_.get_executor(); }
    socket& lowest_layer() noexcept { return socket_; }

    // Puts TLS over the socket; the caller does the handshake.
    tls_stream& add_tls(boost::asio::ssl::context& context) { return tls_.emplace(socket_, context); }

    // Bytes that the kernel took at once, without suspending: 0 over TLS, whose records need the asynchronous path, and
    // on an error, which async_write then reports.
    std::size_t write_now(std::string_view bytes) noexcept
    {
        if (tls_)
            return 0;
        boost::system::error_code ec;
        return socket_.send(boost::asio::buffer(bytes), 0, ec);
    }

    template <class Token>
    auto async_read_some(boost::asio::mutable_buffer into, Token&& token)
    {
        if (tls_)
            return tls_->async_read_some(into, std::forward<Token>(token));
        return socket_.async_read_some(into, std::forward<Token>(token));
    }

    // All of `bytes`, which must outlive the operation.
    template <class Token>
    auto async_write(std::string_view bytes, Token&& token)
    {
        const auto buffer = boost::asio::buffer(bytes);
        if (tls_)
            return boost::asio::async_write(*tls_, buffer, std::forward<Token>(token));
        return boost::asio::async_write(socket_, buffer, std::forward<Token>(token));
    }

    // What is under way completes with an error.
    void close() noexcept
    {
        boost::system::error_code ec;
        socket_.close(ec);
    }

private:
    socket socket_;
    std::optional<tls_stream> tls_;
};

} // namespace coatcheck
