// PostgreSQL: the suite, and what is true of PostgreSQL alone.

#include "backends/registry.hpp"
#include "tests/conformance/postgresql_server.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

namespace {

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

bool through_pgbouncer()
{
    const char* const over = std::getenv("COATCHECK_TEST_POSTGRESQL");
    return over != nullptr && std::string_view(over) == "pgbouncer";
}

std::vector<std::string> pgbouncer_options()
{
    return {std::to_string(shared_server().port())};
}

std::vector<std::string> refused_urls()
{
    const auto& secured = shared_secured_server();
    const auto port = std::to_string(secured.server->port());
    return {
        "postgresql://app:secret-and-wrong@127.0.0.1:" + std::to_string(shared_server().port()) + "/postgres",
        "postgresql://app:coatcheck@localhost:" + port +
            "/postgres?sslmode=verify-full&ca=" + secured.file("other.pem"),
        // The certificate is for the name alone.
        "postgresql://app:coatcheck@127.0.0.1:" + port + "/postgres?sslmode=verify-full&ca=" + secured.file("ca.pem"),
    };
}

} // namespace

// COATCHECK_TEST_POSTGRESQL=pgbouncer runs the suite through PgBouncer's transaction mode.
std::string store_url()
{
    if (!through_pgbouncer())
        return postgresql_at(shared_server().port());
    static const testing::server bouncer("pgbouncer", pgbouncer_options());
    return postgresql_at(bouncer.port());
}

std::optional<remote_store> remote()
{
    remote_store way{.kind = "postgresql", .url = &postgresql_at, .keeps_data = true, .refused = &refused_urls};
    if (through_pgbouncer()) {
        way.kind = "pgbouncer";
        way.options = pgbouncer_options();
    }
    return way;
}

TEST_CASE("postgresql: a URL that is wrong is refused, and the reason tells no password")
{
    runtime threads(1);
    for (const auto* rest : {"",
                             "/db",
                             ":5432/db",
                             "host/db?sslmode=sometimes",
                             "host/db?ssl_mode=require",
                             "host/db?password=secret",
                             "host/db?user=app",
                             "host/db?port=1",
                             "host/db?hostaddr=127.0.0.1",
                             "host/db?service=secret",
                             "host/db?connect_timeout=3",
                             "host/db?host=/run",
                             "/db?host=run",
                             "host/db?table=Sessions",
                             "host/db?table=a.b",
                             "host/db?table=1a",
                             "host/db?schema=a%22b",
                             "host/db?pool=0",
                             "host/db?pool=65",
                             "host/db?pool=many",
                             "host/db?prepared=yes",
                             "host/db?sweep=often",
                             "host/db?target_session_attrs=all",
                             "host/db?ca=/there/is/none",
                             "host/db?cert=/only/the/certificate",
                             "host/db?sslmode=verify-ca",
                             "host/db?ca=/a&sslrootcert=/b",
                             "host/db?sslmode=require&sslcert=/there/is/none&sslkey=/neither",
                             "host/db?channel_binding=maybe"}) {
        const std::string url = std::string("postgresql://") + (*rest == 'h' ? "app:secret@" : "") + rest;
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        try {
            check_backend(url);
            FAIL("it is accepted");
        } catch (const std::invalid_argument& refused) {
            const std::string why = refused.what();
            CHECK(why.find("secret") == std::string::npos);
            CHECK(!why.empty());
        }
    }
    check_backend("postgresql://app:password@[::1]:5433/db?table=t&schema=s&pool=3&prepared=off&sweep=5m");
    check_backend("postgres://app@one.example,two.example:5433/db?sslmode=require&application_name=shop");
    check_backend("postgresql:///db?host=/run/postgresql");
    check_backend("postgresql://app@%2Frun%2Fpostgresql:5433/db?requirepeer=postgres");
}

TEST_CASE("postgresql: a name outside this machine is verified unless the URL says otherwise")
{
    // Of servers that speak no TLS.
    const auto port = std::to_string(shared_server().port());
    const auto why = [&](const std::string& parameters) {
        fixture f("postgresql://app:coatcheck@127.0.0.1:" + port + "/postgres" + parameters);
        const auto answer = f.wait(f.store().probe(soon()));
        return answer ? "none" : answer.error().detail;
    };
    CHECK(why("") == "none");
    CHECK(why("?sslmode=disable") == "none");
    CHECK(why("?sslmode=require").find("SSL") != std::string::npos);
    // Not all of the hosts are this machine.
    fixture f("postgresql://app:coatcheck@127.0.0.1:" + port + ",nowhere.invalid/postgres");
    CHECK(code_of(f.wait(f.store().probe(soon()))) == errc::unavailable);
}

TEST_CASE("postgresql: over TLS, to a server whose name is in its certificate")
{
    const auto& secured = shared_secured_server();
    const auto port = std::to_string(secured.server->port());
    fixture f("postgresql://app:coatcheck@localhost:" + port +
              "/postgres?sslmode=verify-full&ca=" + secured.file("ca.pem"));
    const auto key = f.new_key();
    f.put(key, std::string(100'000, 'x'));
    f.load(key);
    shell sql(*secured.server);
    CHECK(sql("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = "
              "'coatcheck'") == "t");
}

TEST_CASE("postgresql: over a Unix socket, and the first host that answers")
{
    const auto& server = shared_server();
    const auto port = std::to_string(server.port());
    std::string folder = server.folder().string();
    const auto unused = std::to_string(testing::free_port());
    fixture by_parameter("postgresql://app@:" + port + "/postgres?host=" + folder);
    for (std::size_t slash = 0; (slash = folder.find('/')) != std::string::npos;)
        folder.replace(slash, 1, "%2F");
    fixture by_host("postgresql://app@" + folder + ":" + port + "/postgres");
    fixture second("postgresql://app:coatcheck@127.0.0.1:" + unused + ",127.0.0.1:" + port + "/postgres");
    const auto key = by_host.new_key();
    by_host.put(key, "red");
    CHECK(by_parameter.wait(by_parameter.store().load(key, soon()))->value().payload == "red");
    CHECK(second.wait(second.store().load(key, soon()))->value().payload == "red");
}

TEST_CASE("postgresql: a daemon has two connections, or as many as the URL says, and calls itself coatcheck")
{
    const database own;
    shell sql(shared_server());
    for (const auto& [parameters, count] : {std::pair{"&sweep=0", "2"}, {"&pool=1", "1"}, {"&pool=5", "5"}}) {
        fixture f(own.url() + parameters);
        f.parallel(64, [&](std::size_t) -> awaitable<void> {
            const auto written =
                co_await f.store().put(f.new_key(), plain_changes(), "x", precondition::none(), f.now, soon());
            CHECK(written.has_value());
        });
        CHECK(sql.says(own.sessions(), count));
    }
    CHECK(sql.says(own.sessions(), "0"));
}

TEST_CASE("postgresql: each operation is one statement, prepared once for a connection")
{
    const testing::server server("postgresql", {"-c", "log_min_duration_statement=0"});
    const auto count = [](const std::string& log, const std::string& word) {
        std::size_t n = 0;
        for (auto at = log.find(word); at != std::string::npos; at = log.find(word, at + 1))
            ++n;
        return n;
    };
    const testing::server bouncer("pgbouncer", {std::to_string(server.port())});
    struct {
        std::uint16_t through;
        const char* parameter;
        bool prepared;
    } const cases[] = {
        {server.port(), "", true},
        {server.port(), "&prepared=off", false},
        {bouncer.port(), "", false},
    };
    for (const auto& c : cases) {
        CAPTURE(c.parameter);
        fixture f(postgresql_at(c.through) + "?pool=1&sweep=0" + c.parameter);
        f.load(f.new_key());
        const std::string before = server.log();
        const auto key = f.new_key();
        for (int i = 0; i < 4; ++i)
            f.put(key, "red");
        f.put(key, "blue", precondition::absent());
        f.extend(key);
        f.now += 30min;
        f.extend(key);
        f.load(key);
        f.end(key);
        const std::string log = server.log().substr(before.size());
        CHECK(count(log, c.prepared ? "execute coatcheck_" : "execute <unnamed>") == 9);
        CHECK(count(log, "parse coatcheck_") == (c.prepared ? 4 : 0));
    }
}

TEST_CASE("postgresql: statements that a pooler loses are sent unprepared")
{
    const testing::server bouncer("pgbouncer", {std::to_string(shared_server().port()), "server_lifetime=1"});
    fixture f(postgresql_at(bouncer.port()) + "?prepared=on&pool=8");
    for (int round = 0; round < 3; ++round) {
        f.parallel(64, [&](std::size_t) -> awaitable<void> {
            const auto key = f.new_key();
            for (int i = 0; i < 4; ++i) {
                const auto w = co_await f.store().put(key, plain_changes(), "x", precondition::none(), f.now, soon());
                CHECK_MESSAGE(w.has_value(), w.error().detail);
                CHECK((w && w->about.revision == static_cast<unsigned>(i) + 1));
            }
        });
        std::this_thread::sleep_for(400ms); // for PgBouncer to change its servers
    }
}

TEST_CASE("postgresql: what an acknowledgement means is as the server is set up")
{
    struct {
        const char* fsync;
        std::string sql, means, warning;
        bool durable;
    } const cases[] = {
        {"off", "", "fsync off", "set fsync on", false},
        {"on", "", "synchronous_commit on", "", true},
        {"on", "ALTER DATABASE own SET synchronous_commit = local", "commit local", "", true},
        {"on", "ALTER DATABASE own SET synchronous_commit = off", "commit off", "loses the last sessions", false},
        {"on", "ALTER TABLE coatcheck_sessions SET UNLOGGED", "UNLOGGED", "SET LOGGED", false},
    };
    shell server(shared_server());
    for (const auto& c : cases) {
        CAPTURE(c.means);
        server("ALTER SYSTEM SET fsync = " + std::string(c.fsync));
        server("SELECT pg_reload_conf()");
        CHECK(server.says("SHOW fsync", c.fsync));
        const database own;
        own(schema_of(own.url()));
        auto change = c.sql;
        if (const auto at = change.find("own "); at != std::string::npos)
            change.replace(at, 3, own.name());
        own(change);
        fixture f(own.url());
        CHECK(f.wait(f.store().probe(soon())).has_value());
        const auto says = f.store().acknowledges();
        INFO(says.means, " / ", says.warning);
        CHECK(says.means.find(c.means) != std::string::npos);
        CHECK(says.warning.empty() == c.warning.empty());
        CHECK(says.warning.find(c.warning) != std::string::npos);
        CHECK(f.store().caps().durable == c.durable);
        CHECK(f.store().caps().conditional_writes == kept_by::store);
        CHECK(f.store().caps().ended_records == tombstones::kept);
    }
    server("ALTER SYSTEM RESET fsync");
    server("SELECT pg_reload_conf()");
}

} // namespace coatcheck::conformance
