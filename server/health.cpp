#include "server/health.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <optional>

namespace coatcheck {

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

using stream = asio::generic::stream_protocol::socket;

constexpr std::string_view http_prefix = "http://";
constexpr std::string_view https_prefix = "https://";

stream::endpoint_type endpoint_of(const listen_address& where)
{
    if (where.kind == listen_address::family::unix_socket)
        return asio::local::stream_protocol::endpoint(where.path);
    return asio::ip::tcp::endpoint(asio::ip::make_address(where.host), where.port);
}

template <class Stream>
asio::awaitable<health> ask(Stream& s)
{
    http::request<http::empty_body> question(http::verb::get, "/readyz", 11);
    question.set(http::field::host, "localhost");
    question.set(http::field::connection, "close");
    co_await http::async_write(s, question, asio::use_awaitable);

    boost::beast::flat_buffer buffer;
    http::response<http::string_body> answer;
    co_await http::async_read(s, buffer, answer, asio::use_awaitable);
    const bool ready = answer.result() == http::status::ok;
    co_return health{ready,
                     (ready ? "ready: " : "not ready: HTTP status " + std::to_string(answer.result_int()) + ": ") +
                         answer.body()};
}

asio::awaitable<health> connect_and_ask(health_target target)
{
    stream plain(co_await asio::this_coro::executor);
    co_await plain.async_connect(endpoint_of(target.where), asio::use_awaitable);
    if (!target.tls)
        co_return co_await ask(plain);
    asio::ssl::context context(asio::ssl::context::tls_client);
    asio::ssl::stream<stream&> secure(plain, context);
    co_await secure.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
    co_return co_await ask(secure);
}

// What came over the network goes to a terminal.
std::string one_line(std::string text)
{
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

} // namespace

health_target health_target::parse(const std::string& text)
{
    health_target out;
    std::string address = text;
    for (const auto prefix : {http_prefix, https_prefix}) {
        if (text.starts_with(prefix)) {
            out.tls = prefix == https_prefix;
            address = text.substr(prefix.size());
            if (address.ends_with('/'))
                address.pop_back();
            if (address.starts_with("localhost:"))
                address.replace(0, address.find(':'), "127.0.0.1");
        }
    }
    out.where = listen_address::parse(address);
    return out;
}

health_target health_target::of(const config& c)
{
    const auto is_unix = [](const listen_address& a) { return a.kind == listen_address::family::unix_socket; };
    if (!c.ops_listen.empty())
        return {c.ops_listen.front()};
    if (const auto found = std::ranges::find_if(c.listen, is_unix); found != c.listen.end())
        return {*found};
    return {c.listen.front(), c.tls.has_value()};
}

health check_health(const health_target& target, std::chrono::milliseconds limit)
{
    std::optional<health> answer;
    asio::io_context context(1);
    asio::co_spawn(context, connect_and_ask(target), [&](std::exception_ptr failed, health h) {
        answer = std::move(h);
        try {
            if (failed)
                std::rethrow_exception(failed);
        } catch (const boost::system::system_error& e) {
            answer = health{false, "no answer from " + target.where.str() + ": " + e.code().message()};
        }
    });
    context.run_for(limit);
    if (!answer)
        return {false, "no answer from " + target.where.str() + " within " + std::to_string(limit.count()) + " ms"};
    answer->text = one_line(answer->text);
    return *answer;
}

} // namespace coatcheck
