// MySQL and MariaDB: connections that end, locks that others hold, servers that refuse.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/mysql_server.hpp"
#include "tests/conformance/proxy.hpp"

#include <thread>

namespace coatcheck::conformance {

namespace {

using clock = std::chrono::steady_clock;

std::chrono::milliseconds since(clock::time_point start)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start);
}

// Holds the session's row until it is destroyed.
class row_lock {
public:
    explicit row_lock(const session_key& key) : shell_(shared_mysql().port())
    {
        shell_("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
        shell_("START TRANSACTION");
        shell_("SELECT kind" + where(key) + " FOR UPDATE");
    }

private:
    mysql_shell shell_; // its end rolls back
};

void check_one_of(fixture& f, const session_key& key, std::string_view before, std::string_view after)
{
    const auto held = f.wait(f.store().load(key, soon()));
    REQUIRE(held.has_value());
    REQUIRE(held->has_value());
    const bool one_of_them = (*held)->payload == before || (*held)->payload == after;
    CHECK(one_of_them);
}

// How many of the daemon's writes are under way.
constexpr const char* waiting =
    "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE 'UPDATE%'";

} // namespace

TEST_CASE("mysql: a connection that the server ended while it was idle costs nothing, not even a write")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    for (int i = 0; i < 8; ++i) {
        f.put(key, "red" + std::to_string(i));
        shell.kill_others();
    }
    f.load(key);
}

TEST_CASE("mysql: a connection that ends under a write leaves it unknown, and is made anew")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    auto held = std::make_unique<row_lock>(key);
    std::jthread killer([&] {
        mysql_shell other(shared_mysql().port());
        other.says(waiting, "1");
        other.kill_others();
    });
    check_failed(try_put(f, key, "blue"), errc::timed_out);
    killer.join();
    held.reset();
    CHECK(shell.says(waiting, "0"));
    check_one_of(f, key, "red", "blue"); // the server does not look for KILL everywhere
    f.put(f.new_key(), "green");
}

TEST_CASE("mysql: a row that somebody holds costs the deadline and no more, and can be read meanwhile")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    {
        const row_lock held(key);
        const auto start = clock::now();
        check_failed(try_put(f, key, "blue", start + 300ms), errc::timed_out);
        CHECK(since(start) >= 300ms);
        CHECK(since(start) < 800ms);
        const auto seen = f.wait(f.store().load(key, soon()));
        REQUIRE(seen.has_value());
        CHECK(seen->value().payload == "red");
    }
    // The server may still do what it was asked, and must have done with it before the test goes on.
    CHECK(shell.says(waiting, "0"));
    check_one_of(f, key, "red", "blue");
    f.put(f.new_key(), "green");
}

TEST_CASE("mysql: a lock that the server waits for in vain is a lost attempt, not a failure")
{
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    auto held = std::make_unique<row_lock>(key);
    std::jthread later([&] {
        std::this_thread::sleep_for(2500ms); // more than innodb_lock_wait_timeout, which is 2 s
        held.reset();
    });
    const auto start = clock::now();
    f.put(key, "blue");
    CHECK(since(start) > 2s);
}

TEST_CASE("mysql: a server that is read-only refuses writes, and is found to have changed")
{
    mysql_shell shell(shared_mysql().port());
    fixture f(mysql_at(shared_mysql().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    shell("SET GLOBAL read_only = 1");
    check_failed(try_put(f, key), errc::unavailable, "replica");
    check_failed(f.wait(f.store().end(key, f.now, f.now + 1min, soon())), errc::unavailable, "replica");
    CHECK(f.load(key)->payload == "red");
    shell("SET GLOBAL read_only = 0");
    f.put(key, "blue");
}

TEST_CASE("mysql: a user with too many connections is refused until there are fewer")
{
    mysql_shell shell(shared_mysql().port());
    shell("CREATE OR REPLACE USER crowd IDENTIFIED BY 'crowd' WITH MAX_USER_CONNECTIONS 1");
    shell("GRANT ALL ON sessions.* TO crowd");
    const auto url = "mysql://crowd:crowd@127.0.0.1:" + std::to_string(shared_mysql().port()) + "/sessions?pool=1";
    auto first = std::make_unique<fixture>(url);
    REQUIRE(try_put(*first, first->new_key()).has_value());
    fixture second(url);
    check_failed(try_put(second, second.new_key()), errc::unavailable, "max_user_connections");
    // Until the pause between attempts is over, at once.
    const auto start = clock::now();
    check_failed(try_put(second, second.new_key()), errc::unavailable, "max_user_connections");
    CHECK(since(start) < 500ms);
    first.reset();
    bool found = false;
    for (const auto begun = clock::now(); !found && since(begun) < 2s;)
        found = try_put(second, second.new_key()).has_value();
    CHECK(found);
}

TEST_CASE("mysql: a server without TLS is refused where TLS is required")
{
    fixture f(mysql_at(shared_mysql().port(), "?tls=required"));
    check_failed(try_put(f, f.new_key()), errc::unavailable, "TLS");
}

TEST_CASE("mysql: over TLS, a stalled server costs the deadline and no more")
{
    const mysql_authority ca;
    const testing::server server("mysql", ca.server_options());
    mysql_shell shell(server.port());
    shell("ALTER USER app REQUIRE X509");
    proxy network(server.port());
    fixture f("mysql://app:app@localhost:" + std::to_string(network.port()) + "/sessions?ca=" + ca.file("ca.pem") +
              "&cert=" + ca.file("client.pem") + "&key=" + ca.file("client.key"));
    const auto key = f.new_key();
    f.put(key, std::string(100'000, 'r'));
    for (int i = 0; i < 4; ++i) {
        network.stall();
        const auto start = clock::now();
        check_failed(f.wait(f.store().load(key, start + 300ms)), errc::timed_out);
        CHECK(since(start) < 800ms);
        network.resume();
        f.load(key);
    }
    network.cut_after(50'000);
    f.load(key);
    network.slice();
    f.put(key, std::string(2000, 'b'));
    f.load(key);

    fixture without("mysql://app:app@localhost:" + std::to_string(server.port()) + "/sessions?ca=" + ca.file("ca.pem"));
    check_failed(try_put(without, f.new_key()), errc::unavailable, "refuses");
}

TEST_CASE("mysql: the passwords of MariaDB's ed25519 and of MySQL 8 are understood")
{
    mysql_shell shell(shared_mysql().port());
    shell("INSTALL SONAME 'auth_ed25519'");
    REQUIRE(shell("CREATE OR REPLACE USER edwards IDENTIFIED VIA ed25519 USING PASSWORD('secret')").empty());
    shell("GRANT ALL ON sessions.* TO edwards");
    fixture f("mysql://edwards:secret@127.0.0.1:" + std::to_string(shared_mysql().port()) + "/sessions");
    CHECK(try_put(f, f.new_key()).has_value());
    MYSQL* const library = mysql_init(nullptr);
    constexpr int authentication = 2; // MYSQL_CLIENT_AUTHENTICATION_PLUGIN, whose header lacks another
    CHECK(mysql_client_find_plugin(library, "caching_sha2_password", authentication) != nullptr);
    mysql_close(library);
}

TEST_CASE("mysql: a table that is full refuses new sessions, and lets the ones that are there be used and ended")
{
    const testing::server server("mysql", {"--largest-file=24576"}); // the table's is the first to reach it
    fixture f(mysql_at(server.port()));
    const auto used = f.new_key();
    const auto left = f.new_key();
    f.put(used, "red");
    f.put(left, std::string(100'000, 'x'));
    result<write> last = write{};
    for (int i = 0; i < 400 && last; ++i)
        last = try_put(f, f.new_key(), std::string(100'000, 'x'));
    check_failed(last, errc::full);
    f.now += 20min;
    CHECK(f.extend(used)->revision == 2);
    f.end(left);
    f.load(used);
    f.load(left);
}

} // namespace coatcheck::conformance
