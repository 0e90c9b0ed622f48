// Redis Cluster: slots that move, nodes that go, come and take over.

#include "backends/redis/slots.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/redis_load.hpp"
#include "tests/conformance/redis_server.hpp"

#include <set>
#include <sstream>

namespace coatcheck::conformance {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto patience = 30s; // more than any fail-over takes

std::string node_id(int node)
{
    const auto number = std::to_string(node);
    return std::string(40 - number.size(), '0') + number;
}

std::size_t slot(const session_key& key)
{
    return redis::slot_of("coatcheck:" + std::string(key.name.str()));
}

// The master, of three, that the slot was dealt to.
int first_owner(const session_key& key)
{
    return slot(key) < 5461 ? 1 : slot(key) < 10922 ? 2 : 3;
}

session_key key_on(fixture& f, int node)
{
    for (;;)
        if (auto key = f.new_key(); first_owner(key) == node)
            return key;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red", deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

// Until a write on each of the three parts succeeds twice in a row: on each thread.
bool all_parts_written(fixture& f)
{
    int successes = 0;
    for (const auto until = clock::now() + patience; successes < 6 && clock::now() < until;) {
        if (try_put(f, key_on(f, 1 + successes / 2), "back", clock::now() + 2s)) {
            ++successes;
        } else {
            successes = 0;
            std::this_thread::sleep_for(20ms);
        }
    }
    return successes == 6;
}

// What redis-cli --cluster reshard does.
void move_slot(const redis_group& nodes, std::size_t which, int from, int to, const load& meanwhile)
{
    const auto number = std::to_string(which);
    auto source = nodes.shell(from);
    auto target = nodes.shell(to);
    CHECK(target({"CLUSTER", "SETSLOT", number, "IMPORTING", node_id(from)}) == "OK");
    CHECK(source({"CLUSTER", "SETSLOT", number, "MIGRATING", node_id(to)}) == "OK");
    meanwhile.go_on(50);
    for (;;) {
        std::istringstream keys(source({"CLUSTER", "GETKEYSINSLOT", number, "1"}));
        std::string key;
        if (!std::getline(keys, key))
            break;
        CHECK(source({"MIGRATE", redis_group::host(to), std::to_string(nodes.port()), key, "0", "5000"}) == "OK");
        meanwhile.go_on(10);
    }
    meanwhile.go_on(50);
    for (const int node : {to, from, 1, 2, 3})
        CHECK(nodes.shell(node)({"CLUSTER", "SETSLOT", number, "NODE", node_id(to)}) == "OK");
    meanwhile.go_on(50);
}

int clients_of(const redis_group& nodes, int node)
{
    const auto all = nodes.shell(node)({"CLIENT", "LIST"});
    int found = 0;
    for (auto at = all.find("name=coatcheck "); at != all.npos; at = all.find("name=coatcheck ", at + 1))
        ++found;
    return found;
}

const redis_group& three_masters()
{
    static const redis_group nodes("redis-cluster", {"--cluster-require-full-coverage", "no"});
    return nodes;
}

} // namespace

TEST_SUITE_BEGIN("redis cluster" * doctest::skip(over_what() != "cluster"));

TEST_CASE("redis cluster: a Cluster's sessions are on the nodes that have their slots, and nothing is sent twice")
{
    const auto& nodes = three_masters();
    fixture f(cluster_url(nodes));
    for (const int node : {1, 2, 3})
        nodes.shell(node)({"CONFIG", "RESETSTAT"});
    std::set<int> used;
    for (int i = 0; i < 60; ++i) {
        const auto key = f.new_key();
        f.put(key, "red");
        const int owner = first_owner(key);
        CHECK(nodes.shell(owner)({"EXISTS", "coatcheck:" + std::string(key.name.str())}) == "1");
        used.insert(owner);
    }
    CHECK(used.size() == 3);
    for (const int node : {1, 2, 3})
        CHECK(nodes.shell(node)({"INFO", "errorstats"}).find("MOVED") == std::string::npos);
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("redis cluster: slots of a Cluster move under load, and nobody sees it")
{
    const auto& nodes = three_masters();
    fixture f(cluster_url(nodes, "?prefix={app}:"));
    const auto moving = redis::slot_of("{app}:whatever");
    const int home = moving < 5461 ? 1 : moving < 10922 ? 2 : 3;
    const int away = home % 3 + 1;
    std::vector<session_key> keys;
    for (int i = 0; i < 20; ++i)
        keys.push_back(f.new_key());
    load work(f, keys);
    work.go_on(50);
    for (const auto& [from, to] : {std::pair(home, away), std::pair(away, home)}) {
        for (const int node : {1, 2, 3})
            nodes.shell(node)({"CONFIG", "RESETSTAT"});
        move_slot(nodes, moving, from, to, work);
        CHECK(nodes.shell(from)({"INFO", "errorstats"}).find("errorstat_ASK:count=") != std::string::npos);
        CHECK(nodes.shell(from)({"INFO", "errorstats"}).find("errorstat_MOVED:count=") != std::string::npos);
        CHECK(nodes.shell(to)({"INFO", "commandstats"}).find("cmdstat_asking:calls=") != std::string::npos);
    }
    work.stop();
    INFO(work.why);
    CHECK(work.failed == 0);
    CHECK(work.wrong == 0);
}

TEST_CASE(
    "redis cluster: a master of a Cluster that is lost takes only its own sessions along, and is found when it is back")
{
    const auto& nodes = three_masters();
    fixture f(cluster_url(nodes));
    REQUIRE(all_parts_written(f));
    nodes.kill_node(2);
    for (int i = 0; i < 10; ++i) {
        const auto start = clock::now();
        const auto written = try_put(f, key_on(f, 2), "lost", start + 1s);
        CHECK(clock::now() - start < 1500ms);
        REQUIRE(!written.has_value());
        INFO(written.error().detail);
        CHECK((written.error().code == errc::unavailable || written.error().code == errc::timed_out));
        CHECK(try_put(f, key_on(f, 1)).has_value());
        CHECK(try_put(f, key_on(f, 3)).has_value());
    }
    CHECK(!f.wait(f.store().probe(clock::now() + 1s)).has_value());
    {
        // A new backend finds its way past the node that is away, whichever it asks first.
        for (int i = 0; i < 4; ++i) {
            fixture other("redis+cluster://" + nodes.hosts({2, 9, 1}));
            CHECK(try_put(other, key_on(other, 1)).has_value());
            CHECK(try_put(other, key_on(other, 3)).has_value());
        }
    }
    nodes.revive_node(2);
    const auto start = clock::now();
    CHECK(all_parts_written(f));
    MESSAGE("all parts were written again after ",
            std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start).count(), " ms");
}

TEST_CASE(
    "redis cluster: a node of a Cluster that stands still costs its own sessions the deadline, and the others nothing")
{
    const auto& nodes = three_masters();
    fixture f(cluster_url(nodes));
    REQUIRE(all_parts_written(f));
    nodes.signal_node(3, SIGSTOP);
    for (int i = 0; i < 4; ++i) {
        const auto start = clock::now();
        CHECK(!try_put(f, key_on(f, 3), "late", start + 300ms).has_value());
        CHECK(clock::now() - start < 800ms);
        CHECK(try_put(f, key_on(f, 1)).has_value());
        CHECK(try_put(f, key_on(f, 2)).has_value());
    }
    nodes.signal_node(3, SIGCONT);
    CHECK(all_parts_written(f));
}

TEST_CASE(
    "redis cluster: a replica of a Cluster that takes over is followed, and the node that it replaced is left alone")
{
    const redis_group nodes("redis-cluster", {"--replicas", "1"});
    fixture f(cluster_url(nodes));
    std::vector<session_key> keys;
    for (int i = 0; i < 12; ++i)
        keys.push_back(key_on(f, 1 + i % 3));
    {
        load work(f, keys);
        work.go_on(50);
        auto replica = nodes.shell(4);
        CHECK(replica({"CLUSTER", "FAILOVER"}) == "OK");
        CHECK(replica.says({"ROLE"}, "master"));
        REQUIRE(nodes.shell(1).says({"ROLE"}, "connected"));
        work.go_on(200);
        work.stop();
        INFO(work.why);
        CHECK(work.failed == 0);
        CHECK(work.wrong == 0);
    }
    for (const auto until = clock::now() + patience; clients_of(nodes, 1) != 0 && clock::now() < until;)
        std::this_thread::sleep_for(20ms);
    CHECK(clients_of(nodes, 1) == 0);
    CHECK(clients_of(nodes, 4) == 2);

    const auto kept = key_on(f, 1);
    f.put(kept, "red");
    CHECK(nodes.shell(4)({"WAIT", "1", "5000"}) == "1");
    for (const int node : {1, 2, 3}) // Not from the start, lest a busy machine be taken for a failure.
        nodes.shell(node)({"CONFIG", "SET", "cluster-node-timeout", "1500"});
    nodes.kill_node(4);
    CHECK(all_parts_written(f));
    const auto held = f.wait(f.store().load(kept, soon()));
    REQUIRE(held.has_value());
    REQUIRE(held->has_value());
    CHECK((*held)->payload == "red");
}

TEST_CASE("redis cluster: the weakest node of a Cluster decides what it guarantees")
{
    const auto& nodes = three_masters();
    const auto warning = [&] {
        fixture f(cluster_url(nodes));
        REQUIRE(all_parts_written(f));
        CHECK(f.store().caps().ended_records == tombstones::best_effort); // A replica may take over.
        CHECK(!f.store().caps().durable);
        return f.store().acknowledges().warning;
    };
    CHECK(warning().find("noeviction") == std::string::npos);
    nodes.shell(2)({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
    CHECK(warning().find("noeviction") != std::string::npos);
    nodes.shell(2)({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
}

TEST_CASE("redis cluster: a server that is no node of a Cluster says so")
{
    fixture f("redis+cluster://" + shared_server().address());
    const auto written = try_put(f, f.new_key());
    REQUIRE(!written.has_value());
    CHECK(written.error().code == errc::unavailable);
    INFO(written.error().detail);
    CHECK(written.error().detail.find("cluster support disabled") != std::string::npos);
}

TEST_CASE("redis cluster: a Cluster over TLS, with passwords, whose nodes are known by their addresses")
{
    const test_authority ca;
    auto options = app_user({"+cluster|slots", "+asking"});
    for (const auto& each : ca.server_options())
        options.push_back(each);
    options.insert(options.end(), {"--requirepass", "secret", "--masterauth", "secret"});
    const redis_group nodes("redis-cluster", options);
    const auto url = [&](const std::string& login, const std::string& more) {
        return "rediss+cluster://" + login + "@" + nodes.hosts({1, 2, 3}) + "?ca=" + ca.file("ca.pem") +
               "&cert=" + ca.file("client.pem") + "&key=" + ca.file("client.key") + more;
    };
    {
        fixture f(url("app:secret", "&tls_name=localhost"));
        for (int i = 0; i < 12; ++i) {
            const auto key = key_on(f, 1 + i % 3);
            f.put(key, "red");
            CHECK(f.load(key)->payload == "red");
        }
    }
    const auto why = [](const std::string& at) {
        fixture f(at);
        const auto written = try_put(f, f.new_key());
        REQUIRE(!written.has_value());
        CHECK(written.error().code == errc::unavailable);
        CHECK(written.error().detail.find("secret") == std::string::npos);
        return written.error().detail;
    };
    CHECK(why(url(":secret-not", "&tls_name=localhost")).find("password") != std::string::npos);
    CHECK(why(url("app:secret", "")).find("IP address mismatch") != std::string::npos);
    CHECK(why(url("app:secret", "&tls_name=other.example")).find("hostname mismatch") != std::string::npos);
}

TEST_SUITE_END();

} // namespace coatcheck::conformance
