// The table: who makes it, what it refuses, what happens when others work on its rows.

#include "backends/registry.hpp"
#include "tests/conformance/postgresql_server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <atomic>
#include <future>

namespace coatcheck::conformance {

namespace {

result<write> try_put(fixture& f, const session_key& key, std::string_view payload, deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

} // namespace

TEST_CASE("postgresql: daemons that come first at the same time make one table")
{
    for (int round = 0; round < 3; ++round) {
        const database own;
        std::vector<std::unique_ptr<fixture>> daemons;
        for (int i = 0; i < 4; ++i)
            daemons.push_back(std::make_unique<fixture>(own.url()));
        std::atomic<int> written = 0;
        {
            std::vector<std::jthread> at_once;
            for (auto& f : daemons)
                at_once.emplace_back([&] {
                    f->parallel(8, [&](std::size_t) -> awaitable<void> {
                        const auto w = co_await f->store().put(f->new_key(), plain_changes(), "x",
                                                               precondition::absent(), f->now, soon());
                        CHECK_MESSAGE(w.has_value(), w.error().detail);
                        written += w.has_value() ? 1 : 0;
                    });
                });
        }
        CHECK(written == 32);
        CHECK(own("SELECT count(*) FROM coatcheck_sessions") == "32");
        CHECK(own("SELECT count(*) FROM pg_indexes WHERE tablename = 'coatcheck_sessions'") == "2");
    }
}

TEST_CASE("postgresql: a role that may make no table says what to run, and then needs no more than DML")
{
    const database own;
    shell{shared_server()}("CREATE ROLE clerk LOGIN");
    own("REVOKE ALL ON SCHEMA public FROM public; GRANT USAGE ON SCHEMA public TO clerk");
    const auto url = own.url("clerk");
    {
        fixture f(url);
        const auto refused = try_put(f, f.new_key(), "red");
        REQUIRE(!refused.has_value());
        CHECK(refused.error().code == errc::unavailable);
        CHECK(refused.error().detail.find("--print-schema") != std::string::npos);
    }
    const auto schema = schema_of(url);
    CHECK(own(schema) == "");
    CHECK(own(schema) == ""); // twice is as good
    fixture f(url + "&sweep=50ms");
    const auto key = f.new_key();
    f.put(key, "red");
    f.put(key, "blue");
    f.now += 30min;
    f.extend(key);
    f.load(key);
    f.end(key);
    f.now += 10min;
    f.put(key, "green", precondition::absent());
    own("UPDATE coatcheck_sessions SET created = 0, last_seen = 0, expires = 0, keep_until = 0");
    CHECK(shell{own}.says("SELECT count(*) FROM coatcheck_sessions", "0"));
}

TEST_CASE("postgresql: what is printed is what is made, in the table and the schema that the URL names")
{
    const database made;
    const database printed;
    const auto columns = [](const database& in) {
        return in("SELECT string_agg(c::text, ',' ORDER BY attname) FROM (SELECT attname, atttypid, attnotnull, "
                  "attstorage, attcollation, attgenerated FROM pg_attribute WHERE attrelid = "
                  "'shop.carts'::regclass) c") +
               in("SELECT reloptions FROM pg_class WHERE oid = 'shop.carts'::regclass") +
               in("SELECT string_agg(indexdef, ',' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'carts'") +
               in("SELECT string_agg(pg_get_constraintdef(oid), ',' ORDER BY conname) FROM pg_constraint WHERE "
                  "conrelid = 'shop.carts'::regclass");
    };
    for (const auto* own : {&made, &printed})
        (*own)("CREATE SCHEMA shop");
    printed(schema_of(printed.url() + "&schema=shop&table=carts"));
    fixture f(made.url() + "&schema=shop&table=carts");
    f.put(f.new_key(), "red");
    CHECK(made("SELECT count(*) FROM shop.carts") == "1");
    CHECK(columns(made) == columns(printed));
    CHECK(columns(made).find("shop.carts") != std::string::npos);

    fixture elsewhere(made.url() + "&schema=nowhere");
    const auto refused = try_put(elsewhere, elsewhere.new_key(), "red");
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::unavailable);
    CHECK(refused.error().detail.find("no such schema") != std::string::npos);
}

TEST_CASE("postgresql: another application's table is said to be none of ours, and is left as it is")
{
    const database own;
    own("CREATE TABLE sessions (handle text, data text); INSERT INTO sessions VALUES ('a', 'b')");
    fixture f(own.url() + "&table=sessions");
    const auto refused = try_put(f, f.new_key(), "red");
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == errc::unavailable);
    CHECK(refused.error().detail.find("not one of Coatcheck's") != std::string::npos);
    CHECK(own("SELECT * FROM sessions") == "a b");
}

TEST_CASE("postgresql: a record of a newer format, or a row that is none, is never overwritten, and can be ended")
{
    struct damage {
        std::string column, value;
        errc seen_as;
    };
    const database own;
    fixture f(own.url());
    f.load(f.new_key());
    for (const auto& [column, value, why] : {damage{"format", "2", errc::newer_format},
                                             {"format", "0", errc::corrupt},
                                             {"kind", "9", errc::corrupt},
                                             {"expires", "-1", errc::corrupt}}) {
        CAPTURE(column);
        CAPTURE(value);
        const auto key = f.new_key();
        f.put(key, "red");
        const auto set = "UPDATE coatcheck_sessions SET " + column + " = " + value + where(key);
        if (why == errc::corrupt) {
            CHECK(own(set).find("coatcheck_sessions_sound") != std::string::npos);
            own("ALTER TABLE coatcheck_sessions DROP CONSTRAINT IF EXISTS coatcheck_sessions_sound");
        }
        CHECK(own(set) == "");
        const auto row = [&] { return own("SELECT * FROM coatcheck_sessions" + where(key)); };
        const std::string before = row();
        CHECK(f.wait(f.store().load(key, soon())).error().code == why);
        for (const auto& when :
             {precondition::none(), precondition::absent(), precondition::exists(), precondition::at_revision(1)})
            CHECK(f.wait(f.store().put(key, plain_changes(), "blue", when, f.now, soon())).error().code == why);
        CHECK(f.wait(f.store().extend(key, f.now + 30min, 1min, soon())).error().code == why);
        CHECK(row() == before);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon())).value()->about.what == kind::ended);
        // The constraint of the next round.
        if (why == errc::corrupt) {
            own("DROP TABLE coatcheck_sessions");
            f.wait(f.store().probe(soon()));
        }
    }
}

TEST_CASE("postgresql: a write that waited for another transaction goes by what that left")
{
    fixture f;
    struct {
        std::string change;
        precondition when;
        errc why;
    } const cases[] = {
        {"UPDATE coatcheck_sessions SET kind = 2", precondition::none(), errc::ended},
        {"UPDATE coatcheck_sessions SET revision = 7", precondition::at_revision(1), errc::precondition_failed},
        {"UPDATE coatcheck_sessions SET version = 7", precondition::exists(), {}},
        {"DELETE FROM coatcheck_sessions", precondition::exists(), errc::precondition_failed},
        {"DELETE FROM coatcheck_sessions", precondition::none(), {}},
    };
    for (const auto& c : cases) {
        CAPTURE(c.change);
        const auto key = f.new_key();
        f.put(key, "red");
        shell other(shared_server());
        other("BEGIN");
        CHECK(other(c.change + where(key)) == "");
        auto waiting = std::async(std::launch::async, [&] {
            return f.wait(f.store().put(key, plain_changes(), "blue", c.when, f.now, soon()));
        });
        CHECK(shell(shared_server())
                  .says("SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'coatcheck' AND "
                        "wait_event_type = 'Lock'",
                        "t"));
        other("COMMIT");
        const auto w = waiting.get();
        REQUIRE_MESSAGE(w.has_value(), w.error().detail);
        if (c.why == errc{})
            CHECK(w->what != write::outcome::refused);
        else
            CHECK(refused_by(*w, c.why));
    }
}

TEST_CASE("postgresql: a table that is locked costs the deadline, and one lost connection at most")
{
    const database own;
    fixture f(own.url());
    const auto key = f.new_key();
    f.put(key, "red");
    {
        shell other(own);
        other("BEGIN; LOCK TABLE coatcheck_sessions");
        for (int i = 0; i < 4; ++i) {
            const auto start = std::chrono::steady_clock::now();
            const auto late = try_put(f, key, "late", start + 300ms);
            REQUIRE(!late.has_value());
            CHECK((late.error().code == errc::timed_out || late.error().code == errc::unavailable));
            CHECK(std::chrono::steady_clock::now() - start < 1s);
        }
        other("ROLLBACK");
    }
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!f.wait(f.store().load(key, soon())).has_value() && std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(5ms);
    CHECK(f.wait(f.store().load(key, soon())).value()->about.what == kind::live);
    CHECK(try_put(f, key, "blue").has_value());
}

TEST_CASE("postgresql: transactions that are serializable are run again until they are through")
{
    const database own;
    own("ALTER DATABASE " + own.name() + " SET default_transaction_isolation = serializable");
    fixture f(own.url());
    const auto key = f.new_key();
    f.put(key, "0");
    f.parallel(16, [&](std::size_t) -> awaitable<void> {
        for (int n = 0; n < 10; ++n) {
            const auto w = co_await f.store().put(key, plain_changes(), "x", precondition::none(), f.now, soon());
            CHECK_MESSAGE(w.has_value(), w.error().detail);
        }
    });
    CHECK(f.wait(f.store().load(key, soon())).value()->about.revision == 161);
}

TEST_CASE("postgresql: what may be forgotten is removed in batches, and nothing else; rows that are locked stay")
{
    const database own;
    session_key live{handle_maker()("nobody"), {}};
    session_key newer = live;
    session_key locked = live;
    {
        fixture f(own.url() + "&sweep=0");
        live = f.new_key();
        newer = f.new_key();
        locked = f.new_key();
        f.put(live, "live");
        f.now -= 3h;
        f.put(newer, "x");
        f.put(locked, "x");
        f.parallel(450, [&](std::size_t) -> awaitable<void> {
            co_await f.store().put(f.new_key(), plain_changes(), "x", precondition::none(), f.now, soon());
        });
        own("UPDATE coatcheck_sessions SET format = 2" + where(newer));
        CHECK(own("SELECT count(*) FROM coatcheck_sessions") == "453");
    }
    shell other(own);
    other("BEGIN; UPDATE coatcheck_sessions SET keep_until = 9007199254740991" + where(locked));
    fixture f(own.url() + "&sweep=50ms");
    shell watching(own);
    CHECK(watching.says("SELECT count(*) FROM coatcheck_sessions", "3"));
    other("COMMIT");
    f.now -= 3h;
    f.put(f.new_key(), "x");
    CHECK(watching.says("SELECT count(*) FROM coatcheck_sessions", "3")); // so there has been a sweep since
    CHECK(f.wait(f.store().load(live, soon())).value()->payload == "live");
    CHECK(f.wait(f.store().load(newer, soon())).error().code == errc::newer_format);
}

TEST_CASE("postgresql: one daemon sweeps at a time")
{
    const database own;
    fixture f(own.url() + "&sweep=20ms");
    shell other(own);
    f.put(f.new_key(), "live");
    other("BEGIN; SELECT pg_advisory_xact_lock(1128483633, 2)");
    const auto now = f.now;
    f.now -= 3h;
    f.put(f.new_key(), "x");
    f.now = now;
    std::this_thread::sleep_for(200ms); // what does not happen cannot be waited for
    shell watching(own);
    CHECK(watching("SELECT count(*) FROM coatcheck_sessions") == "2");
    other("COMMIT");
    CHECK(watching.says("SELECT count(*) FROM coatcheck_sessions", "1"));
}

TEST_CASE("postgresql: an update of a session that is in use touches no index")
{
    const database own;
    {
        fixture f(own.url());
        const auto key = f.new_key();
        for (int i = 0; i < 20; ++i)
            f.put(key, std::string(500, 'x'));
    } // PostgreSQL counts for good when a session ends
    CHECK(shell{own}.says("SELECT n_tup_hot_upd >= 17 FROM pg_stat_user_tables", "t"));
}

} // namespace coatcheck::conformance
