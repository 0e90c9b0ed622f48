// What goes wrong at PostgreSQL's side.

#include "backends/registry.hpp"
#include "tests/conformance/postgresql_server.hpp"
#include "tests/conformance/small_disk.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

namespace coatcheck::conformance {

namespace {

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red", deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

// Writes on both threads succeed before ten seconds are over.
bool recovers(fixture& f)
{
    const auto patience = std::chrono::steady_clock::now() + 10s;
    for (int successes = 0; std::chrono::steady_clock::now() < patience;) {
        successes = try_put(f, f.new_key()).has_value() ? successes + 1 : 0;
        if (successes == 4)
            return true;
        std::this_thread::sleep_for(5ms);
    }
    return false;
}

void terminate_all(const database& of)
{
    of("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'coatcheck' AND datname "
       "= current_database()");
}

} // namespace

TEST_CASE("postgresql: sessions of the server that are terminated cost no reader anything, and no write is done twice")
{
    const database own;
    fixture f(own.url());
    const auto key = f.new_key();
    f.put(key, "0");
    std::atomic<int> done = 0, unknown = 0;
    for (int round = 0; round < 5; ++round) {
        std::jthread killer([&] {
            for (int i = 0; i < 3; ++i) {
                std::this_thread::sleep_for(5ms);
                terminate_all(own);
            }
        });
        f.parallel(16, [&](std::size_t i) -> awaitable<void> {
            for (int n = 0; n < 30; ++n) {
                if (i % 2 == 0) {
                    const auto held = co_await f.store().load(key, soon());
                    // Only what was lost twice, or came when the new connection had broken as well.
                    CHECK((held.has_value() || held.error().code == errc::unavailable));
                    continue;
                }
                const auto w = co_await f.store().put(key, plain_changes(), "x", precondition::none(), f.now, soon());
                if (w)
                    ++done;
                else if (w.error().code == errc::timed_out)
                    ++unknown;
                else
                    CHECK(w.error().code == errc::unavailable);
            }
        });
        killer.join();
        CHECK(recovers(f));
    }
    const auto revision = f.wait(f.store().load(key, soon())).value()->about.revision;
    CHECK(revision >= 1U + static_cast<unsigned>(done));
    CHECK(revision <= 1U + static_cast<unsigned>(done + unknown));
    CHECK(done > 0);
}

TEST_CASE("postgresql: a session that is terminated while it is idle is not noticed")
{
    const database own;
    fixture f(own.url());
    f.put(f.new_key(), "red");
    f.put(f.new_key(), "red");
    // A connection that lived longer than a second is made anew at once.
    std::this_thread::sleep_for(1100ms);
    terminate_all(own);
    shell sql(shared_server());
    CHECK(sql.says(own.sessions("backend_start > now() - interval '1 second' AND state = 'idle'"), "2"));
    std::this_thread::sleep_for(50ms);
    f.put(f.new_key(), "red");
    f.put(f.new_key(), "red");
}

TEST_CASE("postgresql: a server that stops in order and starts again is found")
{
    testing::server server("postgresql");
    fixture f(postgresql_at(server.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    server.signal(SIGINT); // "fast": sessions are told to go
    server.stop();
    const auto away = try_put(f, key, "blue", std::chrono::steady_clock::now() + 1s);
    CHECK(!away.has_value());
    server.start();
    const auto start = std::chrono::steady_clock::now();
    CHECK(recovers(f));
    CHECK(std::chrono::steady_clock::now() - start < 4s);
    CHECK(f.wait(f.store().load(key, soon())).value()->payload == "red");
}

TEST_CASE("postgresql: a server that only reads is away until it writes again")
{
    const database own;
    fixture f(own.url());
    const auto key = f.new_key();
    f.put(key, "red");
    shell sql(shared_server());
    sql("ALTER SYSTEM SET default_transaction_read_only = on");
    sql("SELECT pg_reload_conf()");
    CHECK(sql.says("SELECT current_setting('default_transaction_read_only')", "on"));
    std::this_thread::sleep_for(1100ms); // until the connections are not new any more
    for (int i = 0; i < 4; ++i) {
        const auto refused = try_put(f, key, "blue");
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == errc::unavailable);
    }
    sql("SET default_transaction_read_only = off");
    sql("ALTER SYSTEM RESET default_transaction_read_only");
    sql("SELECT pg_reload_conf()");
    CHECK(recovers(f));
    CHECK(f.wait(f.store().load(key, soon())).value()->payload == "red");
}

TEST_CASE("postgresql: too many connections are an outage that ends")
{
    const testing::server server("postgresql", {"-c", "max_connections=5", "-c", "superuser_reserved_connections=0"});
    std::vector<std::unique_ptr<shell>> others;
    for (int i = 0; i < 5; ++i)
        others.push_back(std::make_unique<shell>(server));
    fixture f(postgresql_at(server.port()));
    const auto refused = try_put(f, f.new_key());
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::unavailable);
    CHECK(refused.error().detail.find("too many clients") != std::string::npos);
    others.clear();
    CHECK(recovers(f));
}

TEST_CASE("postgresql: a full disk refuses new data, lets sessions be read and ended, and takes more when it has room")
{
    const testing::small_disk disk("size=16m,mode=777");
    if (!disk)
        return;
    const testing::server server("postgresql");
    shell sql(server);
    const auto tables = disk.folder() / "tables";
    std::filesystem::create_directory(tables);
    struct stat data{};
    REQUIRE(stat((server.folder() / "data").c_str(), &data) == 0);
    REQUIRE(chown(tables.c_str(), data.st_uid, data.st_gid) == 0);
    CHECK(sql("CREATE TABLESPACE small LOCATION '" + tables.string() + "'") == "");
    sql("ALTER DATABASE postgres SET default_tablespace = small");
    fixture f(postgresql_at(server.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    std::vector<session_key> others;
    for (int i = 0; i < 100; ++i) {
        others.push_back(f.new_key());
        f.put(others.back(), std::string(500, 'x'));
    }
    disk.fill_up_to(1U << 20U);
    for (const std::size_t size : {30'000, 500}) {
        errc why{};
        while (why == errc{}) {
            const auto w = try_put(f, f.new_key(), std::string(size, 'x'));
            why = w ? errc{} : w.error().code;
        }
        CHECK(why == errc::full);
    }
    CHECK(f.load(key)->payload == "red");
    for (const auto& other : others) {
        const auto ended = f.wait(f.store().end(other, f.now, f.now + 60s, soon()));
        REQUIRE_MESSAGE(ended.has_value(), ended.error().detail);
        CHECK(f.wait(f.store().load(other, soon())).value()->about.what == kind::ended);
        CHECK(refused_by(try_put(f, other).value(), errc::ended));
    }
    disk.give_room();
    CHECK(f.put(key, std::string(30'000, 'b')).what == write::outcome::replaced);
}

} // namespace coatcheck::conformance
