#include "backends/transport/http_exchange.hpp"

#include <boost/asio/error.hpp>

// Here alone: it takes a compiler a dozen seconds.
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <optional>

namespace coatcheck {

namespace http = boost::beast::http;

namespace {

using parser = http::response_parser<http::string_body>;

constexpr std::size_t header_limit = std::size_t{16} << 10;
constexpr std::size_t read_size = std::size_t{16} << 10;

bool is_one_line(std::string_view text) noexcept
{
    return std::ranges::none_of(text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

// Feeds what is in `received` and takes it from there; "" or why it is no reply.
std::string feed(parser& p, boost::beast::flat_buffer& received)
{
    while (received.size() != 0 && !p.is_done()) {
        boost::system::error_code ec;
        received.consume(p.put(received.data(), ec));
        if (ec == http::error::need_more)
            break;
        if (ec)
            return "the reply is not HTTP, or too large: " + ec.message();
    }
    return {};
}

http_reply reply_of(http::response<http::string_body>&& from)
{
    http_reply r;
    r.status = from.result_int();
    for (const auto& field : from)
        r.headers.push_back({std::string(field.name_string()), std::string(field.value())});
    r.body = std::move(from.body());
    return r;
}

} // namespace

std::string http_bytes(const http_request& request, std::string_view host)
{
    std::string out;
    out.reserve(512 + request.body.size());
    const auto add = [&out](auto... words) { (out.append(words), ...); };
    bool fits = is_one_line(request.method) && is_one_line(request.target) && is_one_line(host);
    add(request.method, " ", request.target, " HTTP/1.1\r\nHost: ", host, "\r\n");
    for (const auto& [name, value] : request.headers) {
        fits = fits && is_one_line(name) && is_one_line(value);
        add(name, ": ", value, "\r\n");
    }
    if (!request.body.empty() || request.method != "GET")
        add("Content-Length: ", std::to_string(request.body.size()), "\r\n");
    add("\r\n", request.body);
    return fits ? out : std::string();
}

awaitable<http_exchange> exchange(stream& connection, std::string_view request, std::size_t reply_limit)
{
    http_exchange done;
    const auto [unsent, written] = co_await connection.async_write(request, as_result);
    if (unsent) {
        done.why = "the connection broke: " + unsent.message();
        co_return done;
    }
    done.reached = http_exchange::stage::unanswered;
    boost::beast::flat_buffer received;
    std::optional<parser> p;
    do { // once more after an interim reply, such as 103
        p.emplace();
        p->header_limit(header_limit);
        p->body_limit(reply_limit);
        p->eager(true);
        for (done.why = feed(*p, received); done.why.empty() && !p->is_done(); done.why = feed(*p, received)) {
            const auto [broken, n] = co_await connection.async_read_some(received.prepare(read_size), as_result);
            if (n != 0)
                done.reached = http_exchange::stage::cut;
            received.commit(n);
            if (!broken)
                continue;
            boost::system::error_code ec;
            if (broken == boost::asio::error::eof && p->got_some())
                p->put_eof(ec); // the end, where neither a length nor chunks tell it
            if (!p->is_done()) {
                done.why = "the connection broke before the whole reply was there: " + broken.message();
                co_return done;
            }
        }
        if (!done.why.empty())
            co_return done;
    } while (p->get().result_int() < 200);
    done.reached = http_exchange::stage::answered;
    done.reusable = p->keep_alive() && received.size() == 0;
    done.reply = reply_of(p->release());
    co_return done;
}

} // namespace coatcheck
