#include "backends/transport/http_client.hpp"
#include "tests/support/http_stub.hpp"
#include "tests/support/running.hpp"

#include <doctest/doctest.h>

#include <atomic>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct client {
    explicit client(const http_stub& stub, http_limits limits = {})
        : http(run.threads(), {"the stub", {"127.0.0.1", stub.port(), {}}, nullptr}, limits)
    {}

    result<http_reply> call(const http_request& request, clock::duration limit = 10s)
    {
        return run.wait(http.call(request, clock::now() + limit));
    }

    running run;
    http_client http;
};

http_request reading()
{
    return {};
}

http_request writing(std::string body = "red")
{
    return {"POST", "/a?b=c", {{"X-Kind", "coat"}}, std::move(body), effect::writes};
}

// Its answers begin when they may.
struct gate {
    std::atomic<bool> open = false;

    void pass() const
    {
        while (!open)
            std::this_thread::sleep_for(1ms);
    }
};

} // namespace

TEST_CASE("http_client: requests go as they are, one after another over one connection")
{
    http_stub stub([](const auto&) { return http_stub::reply("blue", "201 Created"); });
    client c(stub);
    for (int i = 0; i < 3; ++i) {
        const auto reply = c.call(writing());
        REQUIRE(reply.has_value());
        CHECK(reply->status == 201);
        CHECK(reply->body == "blue");
        CHECK(reply->header("content-length") == "4");
        CHECK(reply->header("etag").empty());
    }
    c.call(reading());
    CHECK(stub.connections() == 1);
    const std::string host = "Host: 127.0.0.1:" + std::to_string(stub.port()) + "\r\n";
    CHECK(stub.requests()[0] == "POST /a?b=c HTTP/1.1\r\n" + host + "X-Kind: coat\r\nContent-Length: 3\r\n\r\nred");
    CHECK(stub.requests()[3] == "GET / HTTP/1.1\r\n" + host + "\r\n");
}

TEST_CASE("http_client: replies of every framing are read, and interim ones skipped")
{
    for (const std::string answer : {
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbl\r\n2\r\nue\r\n0\r\n\r\n",
             "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblue",
             "HTTP/1.0 200 OK\r\n\r\nblue",
             "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nblue",
             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblue, and what nothing asked for",
             "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nblue",
         }) {
        CAPTURE(answer);
        http_stub stub([&](const auto&) { return answer; });
        client c(stub);
        for (int i = 0; i < 2; ++i) {
            const auto reply = c.call(writing());
            REQUIRE(reply.has_value());
            CHECK(reply->status == 200);
            CHECK(reply->body == "blue");
        }
    }
}

TEST_CASE("http_client: a kept connection that was closed meanwhile is replaced, for writes too")
{
    http_stub stub([](const auto&) { return http_stub::reply("blue"); });
    client c(stub);
    for (const auto& request : {reading(), writing()}) {
        CHECK(c.call(request).has_value());
        stub.hang_up();
        CHECK(c.call(request).has_value());
    }
    CHECK(stub.requests().size() == 4);
}

TEST_CASE("http_client: what a connection that closes without a reply did not answer is only repeated if it reads")
{
    std::atomic<int> calls = 0;
    http_stub stub([&](const auto&) { return ++calls % 2 == 0 ? std::string() : http_stub::reply("blue"); });
    client c(stub);
    CHECK(c.call(reading()).has_value());
    CHECK(c.call(reading()).has_value()); // the second call, and the third
    CHECK(calls == 3);
    const auto written = c.call(writing()); // the fourth
    REQUIRE(!written.has_value());
    CHECK(written.error().code == errc::timed_out);
    CHECK(calls == 4);
}

TEST_CASE("http_client: a new connection that closes without a reply is no reason to repeat anything")
{
    http_stub stub([](const auto&) { return std::string(); });
    client c(stub);
    CHECK(c.call(reading()).error().code == errc::unavailable);
    CHECK(c.call(writing()).error().code == errc::timed_out);
    CHECK(stub.requests().size() == 2);
}

TEST_CASE("http_client: half a reply, a reply that is too large and one that is not HTTP are none")
{
    for (const std::string answer :
         {"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nblue", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.0 200 OK\r\nContent-Len"}) {
        CAPTURE(answer);
        http_stub stub([&](const auto&) { return answer; });
        client c(stub, {.reply = 1000});
        const auto read = c.call(reading(), 1s);
        const auto written = c.call(writing(), 1s);
        REQUIRE(!read.has_value());
        REQUIRE(!written.has_value());
        CHECK((read.error().code == errc::unavailable || read.error().code == errc::timed_out));
        CHECK(written.error().code == errc::timed_out);
        CHECK(read.error().detail.starts_with("the stub: "));
    }
}

TEST_CASE("http_client: past the deadline the connection is closed, and its reply reaches nobody")
{
    gate late;
    std::atomic<int> calls = 0;
    http_stub stub([&](const auto&) {
        if (++calls == 2)
            late.pass();
        return http_stub::reply(std::to_string(calls));
    });
    client c(stub);
    CHECK(c.call(writing())->body == "1");
    const auto start = clock::now();
    CHECK(c.call(writing(), 50ms).error().code == errc::timed_out);
    CHECK(clock::now() - start < 2s);
    late.open = true;
    CHECK(c.call(writing())->body == "3");
    CHECK(stub.connections() == 2);
}

TEST_CASE("http_client: a reply that only the end of the connection would end is not ended by the deadline")
{
    http_stub stub([&](const auto&) { return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nblu"; });
    client c(stub);
    CHECK(c.call(reading(), 50ms).error().code == errc::timed_out);
}

TEST_CASE("http_client: nobody there is unavailable at once")
{
    std::uint16_t port = 0;
    {
        http_stub gone([](const auto&) { return std::string(); });
        port = gone.port();
    }
    running run;
    http_client http(run.threads(), {"the stub", {"127.0.0.1", port, {}}, nullptr});
    const auto start = clock::now();
    CHECK(run.wait(http.call(writing(), clock::now() + 10s)).error().code == errc::unavailable);
    CHECK(clock::now() - start < 5s);
}

TEST_CASE("http_client: connections and those who wait for one are bounded")
{
    gate open;
    http_stub stub([&](const auto&) {
        open.pass();
        return http_stub::reply("blue");
    });
    client c(stub, {.connections = 2, .waiting = 2});
    std::atomic<int> refused = 0;
    std::atomic<int> late = 0;
    std::atomic<int> served = 0;
    const auto count = [&](const result<http_reply>& r) {
        (r ? served : r.error().detail.find("until the deadline") != std::string::npos ? late : refused)++;
    };
    auto call = [&](clock::duration limit) -> awaitable<void> {
        const auto request = writing();
        count(co_await c.http.call(request, clock::now() + limit));
    };
    std::vector<std::future<void>> calls;
    calls.push_back(c.run.start(call(10s)));
    calls.push_back(c.run.start(call(10s)));
    calls.push_back(c.run.start(call(20ms)));
    calls.push_back(c.run.start(call(10s)));
    calls.push_back(c.run.start(call(10s)));
    calls[2].wait();
    calls[4].wait();
    CHECK(late == 1);
    CHECK(refused == 1);
    CHECK(served == 0);
    open.open = true;
    for (auto& each : calls)
        each.wait();
    CHECK(served == 3);
    CHECK(stub.connections() == 2);
    CHECK(c.call(reading()).has_value());
}

TEST_CASE("http_client: what would add a line to a request is not sent")
{
    http_stub stub([](const auto&) { return http_stub::reply(""); });
    client c(stub);
    CHECK(c.call({"GET", "/", {{"Authorization", "a\r\nb: c"}}, {}, effect::reads}).error().code == errc::internal);
    CHECK(c.call({"GET", "/\n", {}, {}, effect::reads}).error().code == errc::internal);
    CHECK(stub.connections() == 0);
}

TEST_CASE("http_client: the end of the program comes while calls wait")
{
    gate open;
    http_stub stub([&](const auto&) {
        open.pass();
        return std::string();
    });
    std::vector<std::future<void>> calls;
    auto call = [](http_client& http) -> awaitable<void> {
        const auto request = writing();
        static_cast<void>(co_await http.call(request, clock::now() + 10s));
    };
    {
        client c(stub, {.connections = 1});
        for (int i = 0; i < 3; ++i)
            calls.push_back(c.run.start(call(c.http)));
        while (stub.requests().empty())
            std::this_thread::sleep_for(1ms);
        c.run.stop();
    }
    open.open = true;
}

} // namespace coatcheck
