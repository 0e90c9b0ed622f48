#include "server/health.hpp"
#include "tests/support/temporary_folder.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include <thread>

using namespace coatcheck;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

// Answers one request with `answer`, and keeps what it was asked.
template <class Protocol>
class one_answer {
public:
    one_answer(const typename Protocol::endpoint& where, std::string answer)
        : acceptor_(context_, where), thread_([this, answer] {
              typename Protocol::socket peer(context_);
              acceptor_.accept(peer);
              asio::read_until(peer, asio::dynamic_buffer(question), "\r\n\r\n");
              asio::write(peer, asio::buffer(answer));
          })
    {}
    ~one_answer() { thread_.join(); }

    auto endpoint() const { return acceptor_.local_endpoint(); }

    std::string question;

private:
    asio::io_context context_;
    typename Protocol::acceptor acceptor_;
    std::thread thread_;
};

using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

const tcp::endpoint any_port(asio::ip::address_v4::loopback(), 0);

health_target target_of(const tcp::endpoint& where)
{
    return health_target::parse("http://127.0.0.1:" + std::to_string(where.port()));
}

} // namespace

TEST_CASE("200 is ready, and the body is told")
{
    one_answer<tcp> daemon(any_port, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    const auto h = check_health(target_of(daemon.endpoint()));
    CHECK(h.ready);
    CHECK(h.text == "ready: ok");
    CHECK(daemon.question.starts_with("GET /readyz HTTP/1.1\r\n"));
    CHECK(daemon.question.find("Host: localhost\r\n") != std::string::npos);
}

TEST_CASE("a Unix socket is asked too, and another status is not ready")
{
    const testing::temporary_folder folder;
    one_answer<local> daemon(local::endpoint(folder / "c.sock"),
                             "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 10\r\n\r\ndraining\x1b\n");
    const auto h = check_health(health_target::parse("unix:" + (folder / "c.sock")));
    CHECK(!h.ready);
    CHECK(h.text == "not ready: HTTP status 503: draining");
}

TEST_CASE("nobody there, no HTTP and no answer in time are not ready")
{
    CHECK(check_health(health_target::parse("unix:/nowhere/c.sock")).text ==
          "no answer from unix:/nowhere/c.sock: No such file or directory");

    one_answer<tcp> nonsense(any_port, "SSH-2.0-OpenSSH\r\n\r\n");
    CHECK(!check_health(target_of(nonsense.endpoint())).ready);

    asio::io_context context;
    const tcp::acceptor silent(context, any_port);
    const auto h = check_health(target_of(silent.local_endpoint()), 20ms);
    CHECK(!h.ready);
    CHECK(h.text.ends_with(" within 20 ms"));
}

TEST_CASE("the target of a configuration is what needs least: ops, a Unix socket, the first listener")
{
    config c;
    c.listen = {listen_address::parse("127.0.0.1:1"), listen_address::parse("unix:/tmp/c.sock")};
    c.tls.emplace();
    CHECK(health_target::of(c).where.path == "/tmp/c.sock");
    CHECK(!health_target::of(c).tls);
    c.listen.pop_back();
    CHECK(health_target::of(c).where.port == 1);
    CHECK(health_target::of(c).tls);
    c.ops_listen = {listen_address::parse("0.0.0.0:2")};
    CHECK(health_target::of(c).where.port == 2);
    CHECK(!health_target::of(c).tls);
}

TEST_CASE("a target is an http or https URL or a Unix socket")
{
    CHECK(health_target::parse("http://127.0.0.1:8642/").where.str() == "127.0.0.1:8642");
    CHECK(health_target::parse("http://localhost:8642").where.str() == "127.0.0.1:8642");
    CHECK(health_target::parse("https://[::1]:8642").tls);
    CHECK(health_target::parse("127.0.0.1:8642").where.port == 8642);
    CHECK_THROWS_AS(health_target::parse("ftp://127.0.0.1:21"), std::invalid_argument);
    CHECK_THROWS_AS(health_target::parse("http://127.0.0.1"), std::invalid_argument);
}
