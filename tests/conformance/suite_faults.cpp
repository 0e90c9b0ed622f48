// Servers that restart, stall and refuse, and networks that break: for every backend that has a server.

#include "tests/conformance/fixture.hpp"
#include "tests/conformance/proxy.hpp"
#include "tests/support/server.hpp"

#include <atomic>

namespace coatcheck::conformance {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto patience = 10s; // more than any server's start takes
constexpr auto slack = 500ms;  // what a busy machine may add to a deadline

std::chrono::milliseconds since(clock::time_point start)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload, deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

result<std::optional<record>> try_load(fixture& f, const session_key& key, deadline by = soon())
{
    return f.wait(f.store().load(key, by));
}

// True if writes succeed before the patience ends: four in a row, two on each thread, whose connections are its own.
bool recovers(fixture& f)
{
    int successes = 0;
    for (const auto start = clock::now(); successes < 4 && since(start) < patience;) {
        if (try_put(f, f.new_key(), "back", clock::now() + 2s)) {
            ++successes;
        } else {
            successes = 0;
            std::this_thread::sleep_for(20ms);
        }
    }
    return successes == 4;
}

void check_away(const failure& f)
{
    INFO(f.detail);
    CHECK((f.code == errc::unavailable || f.code == errc::timed_out));
}

} // namespace

TEST_SUITE_BEGIN("faults");

TEST_CASE("a server that goes away is said to be, and is found again when it is back")
{
    const auto way = remote();
    if (!way)
        return;
    testing::server server(way->kind, way->options);
    fixture f(way->url(server.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    server.crash();
    for (int i = 0; i < 4; ++i) {
        const auto start = clock::now();
        const auto written = try_put(f, f.new_key(), "lost", clock::now() + 1s);
        CHECK(since(start) < 1s + slack);
        REQUIRE(!written.has_value());
        check_away(written.error());
    }
    server.start();
    CHECK(recovers(f));
    const auto held = try_load(f, key);
    REQUIRE(held.has_value());
    if (way->keeps_data) {
        REQUIRE(held->has_value());
        CHECK((*held)->payload == "red");
    }
}

TEST_CASE("a server that is not there at the start is found when it is")
{
    const auto way = remote();
    if (!way)
        return;
    testing::server server(way->kind, way->options);
    server.crash();
    fixture f(way->url(server.port()));
    const auto held = try_load(f, f.new_key(), clock::now() + 1s);
    REQUIRE(!held.has_value());
    check_away(held.error());
    server.start();
    CHECK(recovers(f));
}

TEST_CASE("a connection that breaks in the middle of a reply gives no wrong answer")
{
    const auto way = remote();
    if (!way)
        return;
    const testing::server server(way->kind, way->options);
    proxy network(server.port());
    fixture f(way->url(network.port()));
    const std::string red(20'000, 'r');
    const std::string blue(20'000, 'b');
    for (const int bytes : {0, 1, 2, 5, 11, 40, 200, 1000, 15'000}) {
        CAPTURE(bytes);
        const auto key = f.new_key();
        REQUIRE(recovers(f));
        REQUIRE(try_put(f, key, red).has_value());
        network.cut_after(bytes);
        if (const auto held = try_load(f, key)) {
            REQUIRE(held->has_value());
            const bool whole = (*held)->payload == red;
            CHECK(whole);
        } else {
            check_away(held.error());
        }
        REQUIRE(recovers(f));
        network.cut_after(bytes);
        const auto written = try_put(f, key, blue);
        if (!written)
            check_away(written.error());
        network.cut_after(-1);
        REQUIRE(recovers(f));
        const auto after = try_load(f, key);
        REQUIRE(after.has_value());
        REQUIRE(after->has_value());
        const bool one_of_them = (*after)->payload == blue || (!written && (*after)->payload == red);
        CHECK(one_of_them);
    }
}

TEST_CASE("a stalled server costs the deadline and no more, and its late replies reach nobody else")
{
    const auto way = remote();
    if (!way)
        return;
    const testing::server server(way->kind, way->options);
    proxy network(server.port());
    fixture f(way->url(network.port()));
    std::vector<session_key> keys;
    for (int i = 0; i < 16; ++i) {
        keys.push_back(f.new_key());
        REQUIRE(try_put(f, keys.back(), keys.back().name.str()).has_value());
    }
    network.stall();
    std::atomic<int> late = 0;
    const auto start = clock::now();
    f.parallel(keys.size(), [&](std::size_t i) -> awaitable<void> {
        const auto held = co_await f.store().load(keys[i], clock::now() + 300ms);
        late += !held.has_value() ? 1 : 0;
    });
    CHECK(late == 16);
    CHECK(since(start) < 300ms + slack);
    network.resume();
    CHECK(recovers(f));
    std::atomic<int> right = 0;
    f.parallel(keys.size() * 20, [&](std::size_t i) -> awaitable<void> {
        const auto& key = keys[i % keys.size()];
        const auto held = co_await f.store().load(key, soon());
        right += held && *held && (*held)->payload == key.name.str() ? 1 : 0;
    });
    CHECK(right == 320);
}

TEST_CASE("a network that brings replies byte by byte only takes longer")
{
    const auto way = remote();
    if (!way)
        return;
    const testing::server server(way->kind, way->options);
    proxy network(server.port());
    network.slice();
    fixture f(way->url(network.port()));
    for (int i = 0; i < 5; ++i) {
        const auto key = f.new_key();
        f.put(key, "red");
        f.put(key, std::string(3000, 'b'));
        f.load(key);
        f.now += 30min;
        f.extend(key);
        f.end(key);
        f.load(key);
    }
}

TEST_CASE("a server that refuses us is away, and the reason tells no password")
{
    const auto way = remote();
    if (!way || !way->refused)
        return;
    for (const auto& url : way->refused()) {
        CAPTURE(url);
        fixture f(url);
        const auto start = clock::now();
        const auto written = try_put(f, f.new_key(), "red", clock::now() + 5s);
        CHECK(since(start) < 5s + slack);
        REQUIRE(!written.has_value());
        check_away(written.error());
        CHECK(written.error().detail.find("secret") == std::string::npos);
        MESSAGE(written.error().detail);
    }
}

TEST_SUITE_END();

} // namespace coatcheck::conformance
