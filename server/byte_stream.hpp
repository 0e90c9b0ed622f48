#pragma once
// The bytes of one connection: reading, batched writing and an orderly end, each within its time.

#include "server/connection.hpp"
#include "server/connections.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

namespace coatcheck {

constexpr std::size_t large_buffer = 256U << 10U; // a connection does not hold on to more

// `Stream` is stream_socket, or boost::asio::ssl::stream of it.
template <class Stream>
class byte_stream : public swept_connection {
protected:
    explicit byte_stream(Stream stream) : stream_(std::move(stream)) {}

    awaitable<bool> handshake()
    {
        wait_for(waiting_for::handshake, handshake_limit);
        boost::system::error_code ec;
        if constexpr (is_tls)
            co_await stream_.async_handshake(boost::asio::ssl::stream_base::server, redirected(ec));
        else
            stream_.non_blocking(true, ec);
        co_return !ec;
    }

    // 0 for the end of the connection, for an error and for a wait that the sweep ended.
    awaitable<std::size_t> read(char* to, std::size_t size)
    {
        boost::system::error_code ec;
        const auto n = co_await stream_.async_read_some(boost::asio::buffer(to, size), redirected(ec));
        co_return ec ? 0 : n;
    }

    // Sends out_. False for an error, and for a client that did not take it in time.
    awaitable<bool> flush()
    {
        if (out_.empty())
            co_return true;
        boost::system::error_code ec;
        std::size_t sent = 0;
        if constexpr (!is_tls) {
            sent = stream_.send(boost::asio::buffer(out_), 0, ec);
            if (ec == boost::asio::error::would_block)
                ec = {};
        }
        if (!ec && sent < out_.size()) {
            wait_for(waiting_for::write, write_limit);
            co_await boost::asio::async_write(stream_, boost::asio::buffer(out_) + sent, redirected(ec));
        }
        out_.clear();
        if (out_.capacity() > large_buffer)
            out_ = {};
        // Let the others run: the next bytes are seldom there yet, and a read that has to wait costs two system calls.
        if (!ec)
            co_await boost::asio::post(stream_.get_executor(), boost::asio::use_awaitable_t<executor>{});
        co_return !ec;
    }

    // Sends the end of the stream, then reads what still comes for a moment: closing over unread bytes would reset the
    // connection and could take the last answer from the client.
    awaitable<void> close()
    {
        wait_for(waiting_for::close, close_limit);
        boost::system::error_code ec;
        if constexpr (is_tls)
            co_await stream_.async_shutdown(redirected(ec));
        socket().shutdown(boost::asio::socket_base::shutdown_send, ec);
        char discarded[4096];
        while (!ec && !expired())
            co_await socket().async_read_some(boost::asio::buffer(discarded), redirected(ec));
    }

    Stream stream_;
    std::string out_; // what is to be sent

private:
    static constexpr bool is_tls = !std::is_same_v<Stream, stream_socket>;
    static constexpr std::chrono::seconds handshake_limit{10};
    static constexpr std::chrono::seconds write_limit{30};
    static constexpr std::chrono::seconds close_limit{1};

    static auto redirected(boost::system::error_code& ec)
    {
        return boost::asio::redirect_error(boost::asio::use_awaitable_t<executor>{}, ec);
    }

    void cancel() noexcept override
    {
        boost::system::error_code ec;
        socket().cancel(ec);
    }

    stream_socket& socket() noexcept
    {
        if constexpr (is_tls)
            return stream_.next_layer();
        else
            return stream_;
    }
};

} // namespace coatcheck
