#include "backends/transport/connect.hpp"

#include "backends/transport/time_limit.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <vector>

namespace coatcheck {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Firewalls forget idle connections without a word; a minute is below what the common ones allow.
constexpr int keep_alive_idle_s = 60;
constexpr int keep_alive_interval_s = 10;
constexpr int keep_alive_probes = 3;

// What fails is left: a connection without these options still works.
void set_tcp_options(stream::socket& s)
{
    error_code ignored;
    s.set_option(asio::ip::tcp::no_delay(true), ignored);
    s.set_option(asio::socket_base::keep_alive(true), ignored);
    ::setsockopt(s.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &keep_alive_idle_s, sizeof(int));
    ::setsockopt(s.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &keep_alive_interval_s, sizeof(int));
    ::setsockopt(s.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &keep_alive_probes, sizeof(int));
}

awaitable<result<std::vector<stream::endpoint>>> endpoints_of(executor on, const address& to)
{
    std::vector<stream::endpoint> found;
    if (!to.path.empty()) {
        found.emplace_back(asio::local::stream_protocol::endpoint(to.path));
        co_return found;
    }
    error_code ec;
    const auto ip = asio::ip::make_address(to.host, ec);
    if (!ec) {
        found.emplace_back(asio::ip::tcp::endpoint(ip, to.port));
        co_return found;
    }
    asio::ip::basic_resolver<asio::ip::tcp, executor> resolver(on);
    const auto [failed, names] = co_await resolver.async_resolve(to.host, std::to_string(to.port), as_result);
    if (failed)
        co_return failure{errc::unavailable, "cannot resolve " + to.host + ": " + failed.message()};
    for (const auto& name : names)
        found.emplace_back(name.endpoint());
    co_return found;
}

// Native verification rather than Asio's callback: its result says which check failed.
void expect_name(SSL* ssl, const std::string& host)
{
    error_code not_ip;
    asio::ip::make_address(host, not_ip);
    if (not_ip) {
        SSL_set_tlsext_host_name(ssl, host.c_str());
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        SSL_set1_host(ssl, host.c_str());
    } else {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    }
}

awaitable<result<std::shared_ptr<stream>>> connect_one(executor on, const stream::endpoint& to, const std::string& host,
                                                       asio::ssl::context* tls, deadline by)
{
    const auto made = std::make_shared<stream>(on);
    const time_limit limit(made, by);
    auto& socket = made->lowest_layer();
    const auto [failed] = co_await socket.async_connect(to, as_result);
    if (failed)
        co_return failure{errc::unavailable, "cannot connect: " + failed.message()};
    if (to.protocol().family() != AF_UNIX)
        set_tcp_options(socket);
    error_code ec;
    socket.non_blocking(true, ec);
    if (ec)
        co_return failure{errc::unavailable, "cannot connect: " + ec.message()};
    if (tls != nullptr) {
        auto& secured = made->add_tls(*tls);
        expect_name(secured.native_handle(), host);
        const auto [refused] = co_await secured.async_handshake(asio::ssl::stream_base::client, as_result);
        if (refused) {
            std::string why = "TLS handshake failed: " + refused.message();
            if (const long verified = SSL_get_verify_result(secured.native_handle()); verified != X509_V_OK)
                why.append(", ").append(X509_verify_cert_error_string(verified));
            co_return failure{errc::unavailable, std::move(why)};
        }
    }
    co_return made;
}

} // namespace

awaitable<result<std::shared_ptr<stream>>> connect(executor on, const address& to, asio::ssl::context* tls, deadline by)
{
    const auto found = co_await endpoints_of(on, to);
    if (!found)
        co_return found.error();
    failure last{errc::unavailable, "no address"};
    for (auto left = found->size(); left != 0; --left) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= by)
            break;
        const auto share = (by - now) / static_cast<long>(left);
        auto made = co_await connect_one(on, (*found)[found->size() - left], to.name.empty() ? to.host : to.name, tls,
                                         now + share);
        if (made)
            co_return made;
        last = made.error();
    }
    co_return last;
}

} // namespace coatcheck
