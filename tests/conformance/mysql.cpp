// MySQL and MariaDB: the suite, and what is true of them alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/mysql_server.hpp"

#include <cstdlib>
#include <thread>

namespace coatcheck::conformance {

// Over TCP; COATCHECK_TEST_MYSQL=unix or tls runs the suite over those.
std::string store_url()
{
    const char* const over = std::getenv("COATCHECK_TEST_MYSQL");
    if (over != nullptr && std::string_view(over) == "unix")
        return "mysql+unix://app:app@" + (shared_mysql().folder() / "data/mysql.sock").string() + "?db=sessions";
    if (over != nullptr && std::string_view(over) == "tls") {
        static const mysql_authority ca;
        static const testing::server server("mysql", ca.server_options());
        return ca.url_of(server);
    }
    return mysql_at(shared_mysql().port());
}

std::optional<remote_store> remote()
{
    static const mysql_authority ca;
    static const testing::server server("mysql", ca.server_options());
    return remote_store{
        .kind = "mysql",
        .url = [](std::uint16_t port) { return mysql_at(port); },
        .keeps_data = true,
        .refused =
            [] {
                const auto port = std::to_string(server.port());
                const auto tls = "mysql://app:app@localhost:" + port + "/sessions?ca=";
                return std::vector<std::string>{
                    "mysql://app:secret-not@127.0.0.1:" + port + "/sessions",
                    "mysql://nobody:secret@127.0.0.1:" + port + "/sessions",
                    "mysql://app:app@127.0.0.1:" + port + "/elsewhere",
                    tls + ca.file("other.pem"),
                    // The certificate is for another name.
                    "mysql://app:app@127.0.0.1:" + port + "/sessions?ca=" + ca.file("ca.pem"),
                    // The server's authority is none of the system's.
                    "mysql://app:app@localhost:" + port + "/sessions?tls=required",
                };
            },
    };
}

TEST_CASE("mysql: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const std::string url : {"mysql://",
                                  "mysql://localhost/sessions",
                                  "mysql://app@localhost",
                                  "mysql://app@localhost/",
                                  "mysql://app@localhost/a/b",
                                  "mysql://app@/sessions",
                                  "mysql://app@a,b/sessions",
                                  "mysql://app@localhost;ssl=0/sessions",
                                  "mysql://app@localhost/sessions?db=other",
                                  "mysql://app@localhost/sessions?tabel=a",
                                  "mysql://app@localhost/sessions?table=a-b",
                                  "mysql://app@localhost/sessions?table=",
                                  "mysql://app@localhost/sessions?pool=0",
                                  "mysql://app@localhost/sessions?pool=many",
                                  "mysql://app@localhost/sessions?pool=65",
                                  "mysql://app@localhost/sessions?sweep=10ms",
                                  "mysql://app@localhost/sessions?sweep=often",
                                  "mysql://app@localhost/sessions?tls=on",
                                  "mysql://app@localhost/sessions?ca=/there/is/none",
                                  "mysql://app@localhost/sessions?cert=/only/the/certificate",
                                  "mysql://app@localhost/sessions?tls=off&ca=/ca.pem",
                                  "mysql+unix://app@host/a.sock?db=sessions",
                                  "mysql+unix://app@/a.sock",
                                  "mysql+unix:///a.sock?db=sessions",
                                  "mysql+unix://app@?db=sessions",
                                  "mysql+unix://app@/a.sock?db=sessions&tls=required"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    check_backend("mysql://app:p%40ss@[::1]:3307/sessions?table=Sessions_2&pool=4&sweep=5m");
    check_backend("mysql://app:p@db.example.org/sessions?tls=off");
    check_backend("mysql://app@db.example.org/sessions");
    check_backend("mysql+unix://app@/run/mysqld/mysqld.sock?db=sessions");
}

TEST_CASE("mysql: the row says the same to everybody, whatever the server's time zone and mode")
{
    const testing::server server("mysql", {"--default-time-zone=-05:00", "--sql-mode=ANSI"});
    fixture f(mysql_at(server.port()));
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.subject = "ada";
    const auto made = f.put(key, "red", precondition::none(), changes).about;
    mysql_shell shell(server.port());
    const auto column = [&](const std::string& name) { return shell("SELECT " + name + where(key)); };
    CHECK(column("expires") == std::to_string(made.expires.time_since_epoch().count()));
    CHECK(column("keep_until") == std::to_string(made.keep_until.time_since_epoch().count()));
    CHECK(column("CONCAT_WS(',', format, kind, revision, idle, subject, payload)") == "1,1,1,3600,ada,red");
    CHECK(column("version") == std::to_string(made.data_version.bits));
    f.now += 12h;
    f.load(key);
}

TEST_CASE("mysql: a handle is found by the primary key")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    shell("PREPARE plan FROM 'EXPLAIN FORMAT=JSON SELECT kind FROM coatcheck_sessions WHERE handle = ?'");
    const auto plan = shell("EXECUTE plan USING '" + std::string(key.name.str()) + "'");
    INFO(plan);
    CHECK(plan.find("\"access_type\": \"const\"") != std::string::npos);
    CHECK(plan.find("PRIMARY") != std::string::npos);
}

TEST_CASE("mysql: payloads are taken up to the limit that the server's packets leave, and the old one stays beyond it")
{
    const testing::server small("mysql", {"--max-allowed-packet=1M"});
    for (const auto& [port, limit] :
         {std::pair{shared_mysql().port(), std::size_t{16'773'120}}, std::pair{small.port(), std::size_t{1'044'480}}}) {
        CAPTURE(limit);
        fixture f(mysql_at(port));
        const auto key = f.new_key();
        auto changes = plain_changes();
        changes.subject = std::string(max_subject_length, 's');
        changes.label = std::string(max_label_length, 'l');
        CHECK(f.store().caps().max_payload == 16'777'215);
        check_failed(try_put(f, key, std::string(limit + 1, 'x')), errc::too_large);
        CHECK(f.store().caps().max_payload == limit);
        f.put(key, std::string(limit, 'y'), precondition::none(), changes);
        CHECK(f.load(key)->payload.size() == limit);
        check_failed(try_put(f, key, std::string(limit + 1, 'x')), errc::too_large);
        check_failed(try_put(f, key, std::string(std::size_t{64} << 20U, 'x')), errc::too_large);
        CHECK(f.load(key)->payload.size() == limit);
    }
}

TEST_CASE("mysql: the table is made on first use, and anew if somebody drops it")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port(), "?table=made_on_use"));
    const auto key = f.new_key();
    f.put(key, "red");
    shell("ALTER TABLE made_on_use ADD COLUMN note TEXT");
    CHECK(f.load(key)->payload == "red");
    shell("DROP TABLE made_on_use");
    for (int i = 0; i < 4; ++i)
        CHECK(try_put(f, f.new_key()).has_value());
    CHECK(shell("SELECT COUNT(*) FROM made_on_use") == "4");
    CHECK(shell("SELECT engine FROM information_schema.tables WHERE table_name = 'made_on_use'") == "InnoDB");
}

TEST_CASE("mysql: an operator can make the table, and the daemon's user needs no more than its rows")
{
    mysql_shell shell(shared_mysql().port());
    shell("DROP USER IF EXISTS clerk");
    shell("CREATE USER clerk IDENTIFIED BY 'clerk'");
    shell("GRANT SELECT, INSERT, UPDATE, DELETE ON sessions.* TO clerk");
    const auto url = "mysql://clerk:clerk@127.0.0.1:" + std::to_string(shared_mysql().port()) +
                     "/sessions?table=made_by_operator&sweep=1s";
    fixture f(url);
    const auto key = f.new_key();
    check_failed(try_put(f, key), errc::unavailable, "lacks a right");
    REQUIRE(shell(schema_of(url)).empty());
    REQUIRE(shell(schema_of(url)).empty());
    f.put(key, "red");
    f.now += 20min;
    f.extend(key);
    f.put(key, "blue");
    f.end(key);
    const auto forgotten = f.new_key();
    f.now -= 24h;
    f.put(forgotten, "red");
    CHECK(shell.says("SELECT COUNT(*) FROM made_by_operator", "1"));
}

TEST_CASE("mysql: what is no record, or of a later release, is never overwritten, and can be ended")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    for (const auto& [change, why] : {std::pair{"format = 2", errc::newer_format},
                                      {"format = 0", errc::corrupt},
                                      {"kind = 0", errc::corrupt},
                                      {"kind = 5", errc::corrupt},
                                      {"expires = -1", errc::corrupt},
                                      {"keep_until = 9007199254740992", errc::corrupt}}) {
        CAPTURE(change);
        const auto key = f.new_key();
        f.put(key, "red");
        REQUIRE(shell("UPDATE coatcheck_sessions SET " + std::string(change) + " WHERE handle = '" +
                      std::string(key.name.str()) + "'")
                    .empty());
        check_failed(f.wait(f.store().load(key, soon())), why);
        check_failed(try_put(f, key), why);
        check_failed(f.wait(f.store().extend(key, f.now, 10min, soon())), why);
        CHECK(shell("SELECT payload" + where(key)) == "red");
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
        CHECK(shell("SELECT payload" + where(key)).empty());
    }
}

TEST_CASE("mysql: whoever read a row that is gone since does not overwrite the one that came after it")
{
    // Both rows are at revision 1: a creation, forgotten since, and another daemon's over it.
    fixture first(mysql_at(shared_mysql().port()));
    fixture second(mysql_at(shared_mysql().port()));
    const auto key = first.new_key();
    first.put(key, "old");
    for (int round = 0; round < 20; ++round) {
        first.now = second.now = first.now + 24h;
        std::atomic<int> created = 0;
        const auto create = [&](fixture& f) {
            f.parallel(4, [&](std::size_t) -> awaitable<void> {
                const auto changes = plain_changes();
                const auto done = co_await f.store().put(key, changes, "new", precondition::absent(), f.now, soon());
                CHECK(done.has_value());
                created += done && done->what == write::outcome::created ? 1 : 0;
            });
        };
        std::jthread other([&] { create(second); });
        create(first);
        other.join();
        CHECK(created == 1);
    }
}

TEST_CASE("mysql: what an acknowledged write means depends on how the server is set up")
{
    const testing::server logged("mysql", {"--log-bin", "--server-id=1", "--binlog-format=MIXED"});
    mysql_shell shell(logged.port());
    {
        runtime threads(1);
        const auto store = open_backend(mysql_at(logged.port()), threads);
        CHECK(store->acknowledges().means == "not known until MySQL answers");
        CHECK(!store->caps().durable);
    }
    struct {
        const char* flush;
        const char* sync;
        const char* warning;
    } const cases[] = {{"0", "1", "crash of the server"}, {"2", "1", "power cut"}, {"1", "0", "binary log"},
                       {"1", "100", "binary log"},        {"1", "1", nullptr},     {"3", "1", nullptr}};
    for (const auto& c : cases) {
        shell(std::string("SET GLOBAL innodb_flush_log_at_trx_commit = ") + c.flush);
        shell(std::string("SET GLOBAL sync_binlog = ") + c.sync);
        fixture f(mysql_at(logged.port()));
        REQUIRE(f.wait(f.store().probe(soon())).has_value());
        const auto said = f.store().acknowledges();
        INFO(said.means, " / ", said.warning);
        CHECK(f.store().caps().durable == (c.warning == nullptr));
        CHECK(said.warning.empty() == (c.warning == nullptr));
        CHECK(said.warning.find(c.warning != nullptr ? c.warning : "") != std::string::npos);
        CHECK(said.means.find(std::string("trx_commit=") + c.flush) != std::string::npos);
        f.put(f.new_key(), "red");
    }
}

TEST_CASE("mysql: rows that may be forgotten are removed, but none that somebody holds, nor any of a later format")
{
    mysql_shell shell(shared_mysql().port());
    const std::string url = mysql_at(shared_mysql().port(), "?table=swept&sweep=1s");
    fixture f(url);
    const fixture another(url); // the same table, so that two sweepers meet
    f.now -= 48h;
    const auto held = f.new_key();
    const auto newer = f.new_key();
    f.put(held, "red");
    f.put(newer, "red");
    const auto is = [](const session_key& key) { return " WHERE handle = '" + std::string(key.name.str()) + "'"; };
    shell("UPDATE swept SET format = 2" + is(newer));
    mysql_shell holder(shared_mysql().port());
    holder("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"); // else it may hold gaps, after a page was split
    holder("START TRANSACTION");
    holder("SELECT * FROM swept" + is(held) + " FOR UPDATE");
    f.parallel(250, [&](std::size_t) -> awaitable<void> {
        const auto changes = plain_changes();
        const auto key = f.new_key();
        const auto done = co_await f.store().put(key, changes, "red", precondition::none(), f.now, soon());
        CHECK_MESSAGE(done.has_value(), done.error().detail);
    });
    f.now += 48h;
    const auto live = f.new_key();
    f.put(live, "red");
    CHECK(shell.says("SELECT COUNT(*) FROM swept", "3"));
    CHECK(f.load(live)->payload == "red");
    holder("COMMIT");
    CHECK(shell.says("SELECT COUNT(*) FROM swept", "2"));
    CHECK(shell("SELECT COUNT(*) FROM swept" + is(newer)) == "1");
}

} // namespace coatcheck::conformance
