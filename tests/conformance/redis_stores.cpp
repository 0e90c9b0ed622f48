// Redis: what the suite runs on. COATCHECK_TEST_REDIS=unix, tls, cluster or sentinel is over those; else it is over
// TCP. The tests of Cluster and Sentinel themselves run with these alone, since they wait for Redis' own timers.

#include "tests/conformance/fixture.hpp"
#include "tests/conformance/redis_server.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

std::string_view over_what()
{
    const char* const over = std::getenv("COATCHECK_TEST_REDIS");
    return over != nullptr ? over : "";
}

namespace {

// A Cluster of one node, which sends its clients to that port: a proxy's, if it is one.
std::string cluster_at(std::uint16_t port)
{
    const auto word = std::to_string(port);
    if (redis_shell shell(port); shell.connected())
        shell({"CONFIG", "SET", "cluster-announce-port", word});
    return "redis+cluster://127.0.0.1:" + word;
}

// A master at that port, or a proxy before it, that a Sentinel watches.
std::string watched_at(std::uint16_t port)
{
    static const redis_group group("redis-sentinel");
    const auto word = std::to_string(port);
    group.shell(1)({"SENTINEL", "MONITOR", "on" + word, "127.0.0.1", word, "1"});
    return "redis+sentinel://" + group.address() + "/on" + word;
}

std::vector<std::string> refused()
{
    static const redis_server server({"--requirepass", "secret"});
    const auto at = server.address();
    return {"redis://:secret-not@" + at, "redis://nobody:secret@" + at, "redis://" + at};
}

std::vector<std::string> refused_by_cluster()
{
    static const redis_group nodes("redis-cluster", {"--requirepass", "secret"});
    const auto at = nodes.hosts({1, 2, 3});
    return {"redis+cluster://:secret-not@" + at, "redis+cluster://nobody:secret@" + at, "redis+cluster://" + at};
}

std::vector<std::string> refused_by_sentinel()
{
    static const redis_group nodes(
        "redis-sentinel", {"--sentinel-password", "secret-1", "--requirepass", "secret-2", "--masterauth", "secret-2"});
    const auto at = nodes.hosts({1, 2, 3}) + "/mymaster";
    return {"redis+sentinel://:secret-2@" + at, "redis+sentinel://:secret-2@" + at + "?sentinel_password=secret-2",
            "redis+sentinel://" + at + "?sentinel_password=secret-1",
            "redis+sentinel://:secret-1@" + at + "?sentinel_password=secret-1",
            "redis+sentinel://:secret-2@" + nodes.hosts({1, 2, 3}) + "/another?sentinel_password=secret-1"};
}

} // namespace

std::string redis_at(std::uint16_t port)
{
    return "redis://127.0.0.1:" + std::to_string(port);
}

redis_server& shared_server()
{
    static redis_server server;
    return server;
}

std::string store_url()
{
    const auto over = over_what();
    if (over == "unix")
        return shared_server().unix_url();
    if (over == "tls") {
        static const test_authority ca;
        static const redis_server server(ca.server_options());
        return ca.url_of(server);
    }
    if (over == "cluster") {
        static const redis_group nodes("redis-cluster");
        return cluster_url(nodes);
    }
    if (over == "sentinel") {
        static const redis_group nodes("redis-sentinel");
        return "redis+sentinel://" + nodes.hosts({1, 2, 3}) + "/mymaster";
    }
    return shared_server().url();
}

std::optional<remote_store> remote()
{
    const auto over = over_what();
    if (over == "cluster")
        return remote_store{
            .kind = "redis-cluster", .options = {"--masters", "1"}, .url = &cluster_at, .refused = &refused_by_cluster};
    if (over == "sentinel")
        return remote_store{.kind = "redis", .url = &watched_at, .refused = &refused_by_sentinel};
    return remote_store{.kind = "redis", .url = &redis_at, .refused = &refused};
}

} // namespace coatcheck::conformance
