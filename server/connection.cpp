#include "server/connection.hpp"

#include "server/byte_stream.hpp"
#include "server/input_buffer.hpp"
#include "server/log.hpp"
#include "server/problem.hpp"
#include "server/request_log.hpp"
#include "server/request_parser.hpp"
#include "server/stream_sender.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/string.hpp>

#include <optional>
#include <string>
#include <utility>

namespace coatcheck {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_size = 1024;        // the least room for a read
constexpr std::size_t flush_size = 64U << 10U; // answers to pipelined requests are sent in batches of this size

template <class Stream>
class connection final : public byte_stream<Stream> {
public:
    connection(Stream stream, listener_traits where, service& s, connections& others)
        : byte_stream<Stream>(std::move(stream)), where_(where), service_(s), thread_(runtime::this_thread())
    {
        others.add(*this);
        service_.counters.connection_opened(thread_);
    }

    ~connection() override { service_.counters.connection_closed(thread_); }

    awaitable<void> run()
    {
        if (!co_await handshake())
            co_return;
        while (co_await receive_header()) {
            const bool whole = co_await receive_body();
            if (whole)
                co_await respond();
            if (response_.stream) {
                if (!co_await stream())
                    co_return;
                break;
            }
            finish_request();
            if (response_.close) {
                co_await flush();
                break;
            }
            if (out_.size() >= flush_size && !co_await flush())
                co_return;
        }
        co_await close();
    }

private:
    // Waits for a request and parses its header, which stays at the front of in_. False if there is none any more; an
    // answer to a bad one is then on its way.
    awaitable<bool> receive_header()
    {
        for (;;) {
            skip_empty_lines();
            if (!in_.empty()) {
                request_.clear();
                parser_.emplace(request_, service_.settings.limits.header);
                const auto parsed = parser_->parse_header(in_.view());
                if (!parsed) {
                    co_await refuse(parsed.error());
                    co_return false;
                }
                if (*parsed > 0) {
                    header_size_ = *parsed;
                    co_return true;
                }
            }
            if (!co_await flush())
                co_return false;
            if (in_.empty())
                wait_for(waiting_for::request, service_.settings.limits.idle_timeout);
            else if (state() != waiting_for::header)
                wait_for(waiting_for::header, service_.settings.limits.header_timeout);
            in_.make_room(read_size);
            const auto n = co_await read(in_.free_space(), in_.free_size());
            if (n == 0) {
                if (expired() && state() == waiting_for::header)
                    co_await refuse({errc::request_timeout, "The request's header did not arrive in time."});
                co_return false;
            }
            in_.received(n);
        }
    }

    // Makes request_.body whole. False if the answer is there already, because the body will not be taken.
    awaitable<bool> receive_body()
    {
        response_.clear();
        body_size_ = 0;
        leftover_.clear();
        const std::size_t limit = service_.settings.limits.body;
        const auto announced = parser_->content_length();
        const bool chunked = parser_->is_chunked();
        if (request_.has(single_field::expect) && !is_continue(request_.get(single_field::expect)))
            co_return decline(errc::expectation_failed, "The only expectation that is met is 100-continue.");
        if (announced > limit)
            co_return decline_too_large();
        const std::string_view buffered = in_.view().substr(header_size_);
        if (!chunked && buffered.size() >= announced) {
            body_size_ = static_cast<std::size_t>(announced);
            request_.body = buffered.substr(0, body_size_);
            co_return true;
        }
        // RFC 9110 §10.1.1: not to HTTP/1.0, nor once the body is coming anyway.
        if (request_.has(single_field::expect) && !request_.http_1_0 && buffered.empty())
            out_.append("HTTP/1.1 100 Continue\r\n\r\n");
        if (!co_await flush())
            co_return decline(errc::request_timeout, "The connection was lost.");
        wait_for(waiting_for::body, service_.settings.limits.body_timeout);
        const bool whole = chunked ? co_await receive_chunks(limit) : co_await receive_rest(announced);
        request_.body = body_;
        co_return whole;
    }

    awaitable<bool> receive_rest(std::uint64_t announced)
    {
        const std::string_view buffered = in_.view().substr(header_size_);
        body_size_ = buffered.size();
        body_.resize(static_cast<std::size_t>(announced));
        std::ranges::copy(buffered, body_.begin());
        for (std::size_t have = buffered.size(); have < body_.size();) {
            const auto n = co_await read(body_.data() + have, body_.size() - have);
            if (n == 0)
                co_return decline(errc::request_timeout, "The request's body did not arrive in time.");
            have += n;
        }
        co_return true;
    }

    awaitable<bool> receive_chunks(std::size_t limit)
    {
        leftover_ = in_.view().substr(header_size_);
        body_size_ = leftover_.size();
        body_.clear();
        for (;;) {
            const auto used = parser_->parse_chunks(leftover_, limit, body_);
            if (!used) {
                if (used.error().code == errc::too_large)
                    co_return decline_too_large();
                co_return decline(used.error().code, used.error().reason);
            }
            leftover_.erase(0, *used);
            if (parser_->is_done())
                co_return true;
            const auto have = leftover_.size();
            leftover_.resize(have + 8 * read_size);
            const auto n = co_await read(leftover_.data() + have, leftover_.size() - have);
            leftover_.resize(have + n);
            if (n == 0)
                co_return decline(errc::request_timeout, "The request's body did not arrive in time.");
        }
    }

    awaitable<void> respond()
    {
        wait_for(waiting_for::handling, std::chrono::seconds(0));
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        try {
            co_await answer(service_, where_, request_, now, response_);
        } catch (const std::exception& e) {
            response_.clear();
            set_problem(response_, failure{errc::internal, e.what()});
            response_.close = true;
        }
    }

    // Sends an answer whose body is made meanwhile. The request stays as it is, which the body may look at.
    awaitable<bool> stream()
    {
        response_.close = true;
        render_response();
        if (!co_await flush())
            co_return false;
        stream_sender<Stream> sender(stream_, *response_.stream, !request_.http_1_0,
                                     [this](auto limit) { wait_for(waiting_for::streaming, limit); });
        const bool complete = co_await sender.run();
        response_.stream.reset();
        co_return complete;
    }

    // Renders the answer and moves on to what follows the request.
    void finish_request()
    {
        if (!request_.keep_alive || service_.draining.load(std::memory_order_relaxed))
            response_.close = true;
        render_response();
        in_.consume(header_size_ + body_size_);
        in_.append(leftover_);
        if (body_.capacity() > large_buffer)
            body_ = {};
        if (response_.body.capacity() > large_buffer)
            response_.body = {};
    }

    void render_response()
    {
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        render(response_,
               {.head = request_.verb == method::head, .http_1_0 = request_.http_1_0, .date = http_date(now)}, out_);
        service_.counters.count_request(thread_, static_cast<std::size_t>(response_.route), request_.verb,
                                        response_.status);
        log_request(request_, response_);
    }

    // The answer to what was no valid request; after it nothing on the connection can be trusted.
    awaitable<void> refuse(http_error why)
    {
        response_.clear();
        set_problem(response_, why.code, why.reason);
        response_.close = true;
        render_response();
        co_await flush();
    }

    bool decline(errc code, std::string_view reason)
    {
        set_problem(response_, code, reason);
        response_.close = true;
        return false;
    }

    bool decline_too_large()
    {
        const auto limit = service_.settings.limits.body;
        set_problem(response_, errc::too_large, "The body is larger than this daemon takes.",
                    {{"limit", static_cast<std::int64_t>(limit)}});
        response_.close = true;
        return false;
    }

    // RFC 9112 §2.2: an empty line before a request is skipped.
    void skip_empty_lines()
    {
        while (in_.view().starts_with("\r\n"))
            in_.consume(2);
    }

    static bool is_continue(std::string_view expectation) noexcept
    {
        return boost::beast::iequals({expectation.data(), expectation.size()}, "100-continue");
    }

    using base = byte_stream<Stream>;
    using base::close;
    using base::expired;
    using base::flush;
    using base::handshake;
    using base::out_;
    using base::read;
    using base::state;
    using base::stream_;
    using base::wait_for;

    listener_traits where_;
    service& service_;
    std::size_t thread_;
    input_buffer in_;
    std::size_t header_size_ = 0;
    std::size_t body_size_ = 0; // the part of the body that is in in_
    std::string body_;          // a body that did not come with its header
    std::string leftover_;      // what was read behind a chunked body
    std::optional<request_parser> parser_;
    request request_;
    response response_;
};

template <class Stream>
awaitable<void> serve(Stream stream, std::shared_ptr<asio::ssl::context> tls, listener_traits where, service& s,
                      connections& others)
{
    try {
        connection<Stream> c(std::move(stream), where, s, others);
        co_await c.run();
    } catch (const std::exception& e) {
        log::error("connection failed", {{"error", e.what()}});
    }
    (void)tls; // kept until the stream that uses it is gone
}

} // namespace

void start_connection(stream_socket socket, std::shared_ptr<asio::ssl::context> tls, listener_traits where, service& s,
                      connections& others)
{
    const executor where_to = socket.get_executor();
    if (tls) {
        asio::ssl::stream<stream_socket> stream(std::move(socket), *tls);
        asio::co_spawn(where_to, serve(std::move(stream), std::move(tls), where, s, others), asio::detached);
    } else {
        asio::co_spawn(where_to, serve(std::move(socket), nullptr, where, s, others), asio::detached);
    }
}

} // namespace coatcheck
