// Redis: servers that refuse, stall, restart, and connections that break.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/proxy.hpp"
#include "tests/conformance/redis_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <atomic>

namespace coatcheck::conformance {

namespace {

using clock = std::chrono::steady_clock;

std::chrono::milliseconds since(clock::time_point start)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

// A CHECK that something failed with `code`, for a reason whose detail contains `part`.
template <class T>
void check_failed(const result<T>& answer, errc code, std::string_view part)
{
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == code);
    INFO(answer.error().detail);
    CHECK(answer.error().detail.find(part) != std::string::npos);
    CHECK(answer.error().detail.find("secret") == std::string::npos);
}

// What a write answers that needs nothing of the session.
result<write> try_put(fixture& f, const session_key& key, deadline by = soon(), std::string_view payload = "red")
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

// Both threads have a connection, or ten seconds are over.
void connect_both(fixture& f)
{
    const auto patience = clock::now() + 10s;
    for (int answered = 0; answered < 2 && clock::now() < patience;)
        answered = f.wait(f.store().probe(clock::now() + 1s)) ? answered + 1 : 0;
}

void check_refused(const std::string& url, std::string_view part)
{
    CAPTURE(url);
    fixture f(url);
    for (int i = 0; i < 2; ++i)
        check_failed(f.wait(f.store().probe(soon())), errc::unavailable, part);
}

} // namespace

TEST_CASE("redis: a thousand parallel requests each get their own answer")
{
    fixture f;
    constexpr std::size_t n = 1000;
    std::vector<session_key> keys;
    for (std::size_t i = 0; i < n; ++i)
        keys.push_back(f.new_key());
    std::atomic<std::size_t> right = 0;
    f.parallel(n, [&](std::size_t i) -> awaitable<void> {
        const auto changes = plain_changes();
        const std::string payload(keys[i].name.str());
        const auto put = co_await f.store().put(keys[i], changes, payload, precondition::absent(), f.now, soon());
        for (int round = 0; round < 5; ++round) {
            const auto& other = keys[(i * 7 + static_cast<std::size_t>(round)) % n];
            const auto held = co_await f.store().load(other, soon());
            if (held && *held && (*held)->payload == other.name.str())
                ++right;
            else if (held && !*held)
                ++right; // Its creator has not run yet.
        }
        const auto own = co_await f.store().load(keys[i], soon());
        if (put && own && *own && (*own)->payload == payload)
            ++right;
    });
    CHECK(right == 6 * n);
}

TEST_CASE("redis: an ACL that forbids a command refuses that command alone")
{
    const redis_server server({"--user", "app", "on", ">secret", "~coatcheck:*", "+@all", "-@dangerous", "-setrange"});
    fixture f("redis://app:secret@127.0.0.1:" + std::to_string(server.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    f.now += 30min;
    check_failed(f.wait(f.store().extend(key, f.now, 10min, soon())), errc::unavailable, "ACL");
    CHECK(f.load(key)->payload == "red");
}

TEST_CASE("redis: TLS wants the CA, the name and, where the server asks, the client's certificate")
{
    const test_authority ca;
    const redis_server server(ca.server_options());
    const auto with = [&](const std::string& host, const std::string& authority, bool certificate) {
        return "rediss://" + host + ":" + std::to_string(server.port()) + "?ca=" + ca.file(authority) +
               (certificate ? "&cert=" + ca.file("client.pem") + "&key=" + ca.file("client.key") : "");
    };
    check_refused(with("localhost", "other.pem", true), "certificate verify failed");
    check_refused("rediss://localhost:" + std::to_string(server.port()), "certificate verify failed");
    check_refused(with("127.0.0.1", "ca.pem", true), "IP address mismatch");
    check_refused(with("localhost", "ca.pem", false), "");
    check_refused("redis://localhost:" + std::to_string(server.port()), "");
    fixture f(ca.url_of(server));
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("redis: a name with several addresses is tried in their order")
{
    // localhost is ::1 and 127.0.0.1 where there is IPv6, and the server listens on the latter alone.
    fixture f("redis://localhost:" + std::to_string(shared_server().port()));
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("redis: a replica refuses writes until it is a master, without a restart of ours")
{
    const redis_server server;
    redis_shell shell(server.port());
    fixture f(server.url());
    const auto key = f.new_key();
    f.put(key, "red");
    shell({"REPLICAOF", "127.0.0.1", std::to_string(shared_server().port())});
    REQUIRE(shell.says({"INFO", "replication"}, "master_link_status:up"));
    std::this_thread::sleep_for(1s); // A younger connection stays although the server is a replica.
    check_failed(try_put(f, f.new_key()), errc::unavailable, "READONLY");
    check_failed(f.wait(f.store().end(f.new_key(), f.now, f.now + 1min, soon())), errc::unavailable, "READONLY");
    shell({"REPLICAOF", "NO", "ONE"});
    CHECK(try_put(f, f.new_key()).has_value());
}

TEST_CASE("redis: a server that loads its data is away until it has")
{
    redis_server server({"--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"});
    {
        redis_shell shell(server.port());
        for (int i = 0; i < 200; ++i)
            shell({"SET", "key" + std::to_string(i), "value"});
        shell({"SAVE"});
    }
    fixture f(server.url());
    connect_both(f);
    server.crash();
    server.start();
    bool loading = false;
    const auto start = clock::now();
    while (since(start) < 10s) {
        const auto answer = f.wait(f.store().probe(clock::now() + 1s));
        if (answer)
            break;
        CHECK(answer.error().code == errc::unavailable);
        loading = loading || answer.error().detail.find("LOADING") != std::string::npos;
        std::this_thread::sleep_for(5ms);
    }
    CHECK(loading);
    connect_both(f);
    CHECK(try_put(f, f.new_key()).has_value());
}

TEST_CASE("redis: a node of a Cluster says that it is one")
{
    const redis_group nodes("redis-cluster", {"--masters", "2"});
    fixture f(redis_at(nodes.port()));
    int own = 0;
    for (int i = 0; i < 20; ++i)
        if (const auto answer = try_put(f, f.new_key()); !answer)
            check_failed(answer, errc::unavailable, "Redis Cluster, which is reached by redis+cluster://: MOVED");
        else
            ++own;
    CHECK(own < 20);
}

TEST_CASE("redis: a server that was away is used again within a second or so of its return")
{
    redis_server server;
    fixture f(server.url());
    connect_both(f);
    for (int round = 0; round < 3; ++round) {
        server.crash();
        for (int i = 0; i < 20; ++i)
            f.wait(f.store().probe(soon()));
        const auto refused_at = clock::now();
        CHECK(!f.wait(f.store().probe(soon())).has_value());
        CHECK(since(refused_at) < 100ms);
        std::this_thread::sleep_for(300ms);
        server.start();
        const auto back_at = clock::now();
        for (int answered = 0; answered < 2 && since(back_at) < 10s; std::this_thread::sleep_for(1ms))
            answered = f.wait(f.store().probe(soon())) ? answered + 1 : 0;
        MESSAGE("both threads were connected again after ", since(back_at).count(), " ms");
        CHECK(since(back_at) < 2s);
    }
}

TEST_CASE("redis: a stalled server's callers get errc::timed_out at their deadline, and later ones their own answers")
{
    const redis_server server;
    fixture f(server.url());
    connect_both(f);
    const auto red = f.new_key();
    const auto blue = f.new_key();
    f.put(red, "red");
    f.put(blue, "blue");
    server.signal(SIGSTOP);
    const auto start = clock::now();
    const auto late = f.wait(f.store().load(red, start + 200ms));
    const auto took = since(start);
    server.signal(SIGCONT);
    check_failed(late, errc::timed_out, "in time");
    CHECK(took >= 200ms);
    CHECK(took < 300ms);
    // The reply that came too late is for nobody.
    for (int i = 0; i < 10; ++i)
        CHECK(f.load(blue)->payload == "blue");
}

TEST_CASE("redis: a connection that stays silent for twice the deadline is given up")
{
    const redis_server server;
    proxy network(server.port());
    fixture f(redis_at(network.port()));
    connect_both(f);
    const auto key = f.new_key();
    f.put(key, "red");
    CHECK(network.connections() == 2);
    server.signal(SIGSTOP);
    for (int i = 0; i < 2; ++i)
        check_failed(f.wait(f.store().load(key, clock::now() + 100ms)), errc::timed_out, "in time");
    const auto start = clock::now();
    while (network.connections() < 4 && since(start) < 5s)
        std::this_thread::sleep_for(5ms);
    server.signal(SIGCONT);
    CHECK(network.connections() >= 4);
    connect_both(f);
    CHECK(f.load(key)->payload == "red");
}

TEST_CASE("redis: a read whose reply broke off is asked again")
{
    proxy network(shared_server().port());
    const std::string payload(200'000, 'r');
    for (const int bytes : {0, 1, 5, 60, 1000, 150'000}) {
        CAPTURE(bytes);
        fixture f(redis_at(network.port()));
        connect_both(f);
        const auto key = f.new_key();
        f.put(key, payload);
        const auto before = network.connections();
        network.cut_after(bytes);
        const auto held = f.load(key);
        CHECK(network.connections() == before + 1);
        REQUIRE(held);
        CHECK((held->payload == payload));
    }
}

TEST_CASE("redis: a write whose reply broke off may have landed and is not sent again")
{
    proxy network(shared_server().port());
    for (const int bytes : {0, 3, 6}) {
        CAPTURE(bytes);
        fixture f(redis_at(network.port()));
        connect_both(f);
        const auto key = f.new_key();
        network.cut_after(bytes);
        check_failed(try_put(f, key), errc::timed_out, "broke");
        connect_both(f);
        CHECK(f.wait(f.store().load(key, soon()))->value().about.revision == 1);
    }
}

TEST_CASE("redis: what is no reply closes the connection and answers nobody")
{
    proxy network(shared_server().port());
    for (const auto* bytes : {"HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\n*1\r\n:1\r\n", ",3.14\r\n"}) {
        CAPTURE(bytes);
        fixture f(redis_at(network.port()));
        connect_both(f);
        network.say(bytes);
        check_failed(try_put(f, f.new_key()), errc::timed_out, "no reply of Redis");
        connect_both(f);
        f.put(f.new_key(), "red");
    }
}

TEST_CASE("redis: a reply that nothing asked for closes the connection and answers nobody")
{
    proxy network(shared_server().port());
    fixture f(redis_at(network.port()));
    connect_both(f);
    const auto key = f.new_key();
    f.put(key, "red");
    const auto before = network.connections();
    network.say("+PONG\r\n$3\r\nred\r\n");
    CHECK(f.wait(f.store().probe(soon())).has_value());
    const auto start = clock::now();
    while (network.connections() == before && since(start) < 5s)
        std::this_thread::sleep_for(1ms);
    CHECK(network.connections() == before + 1);
    for (int i = 0; i < 4; ++i)
        CHECK(f.load(key)->payload == "red");
}

TEST_CASE("redis: a stalled server does not gather callers without end")
{
    const redis_server server;
    fixture f(server.url());
    connect_both(f);
    const auto key = f.new_key();
    f.put(key, "red");
    server.signal(SIGSTOP);
    std::atomic<int> refused = 0;
    std::atomic<int> late = 0;
    const auto by = clock::now() + 2s;
    f.parallel(20'500, [&](std::size_t) -> awaitable<void> {
        const auto answer = co_await f.store().load(key, by);
        ++(answer.error().code == errc::unavailable ? refused : late);
    });
    server.signal(SIGCONT);
    CHECK(refused >= 500);
    CHECK(late == 20'500 - refused);
    connect_both(f);
    CHECK(f.load(key)->payload == "red");
}

TEST_CASE("redis: a backend goes with callers that still wait")
{
    const redis_server server;
    runtime threads(1);
    auto store = open_backend(server.url(), threads);
    const session_key key{handle_maker()("waiting"), std::nullopt};
    bool connected = false;
    bool resumed = false;
    const auto call = [&](bool& done) -> awaitable<void> {
        const auto answer = co_await store->load(key, soon());
        done = answer.has_value() || !answer.has_value();
    };
    boost::asio::co_spawn(threads.context(0), call(connected), boost::asio::detached);
    while (!connected)
        threads.context(0).run_one_for(1s);
    server.signal(SIGSTOP);
    for (int i = 0; i < 10; ++i)
        boost::asio::co_spawn(threads.context(0), call(resumed), boost::asio::detached);
    threads.context(0).run_for(50ms);
    threads.stop();
    store.reset();
    CHECK(!resumed);
}

} // namespace coatcheck::conformance
