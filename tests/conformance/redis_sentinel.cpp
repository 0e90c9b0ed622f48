// Redis Sentinel: fail-overs, and Sentinels that are away or refuse.

#include "tests/conformance/fixture.hpp"
#include "tests/conformance/redis_server.hpp"

namespace coatcheck::conformance {

namespace {

using clock = std::chrono::steady_clock;

constexpr auto patience = 30s; // more than any fail-over takes

std::string sentinel_url(const redis_group& nodes, const std::string& rest = {})
{
    return "redis+sentinel://" + nodes.hosts({1, 2, 3}) + "/mymaster" + rest;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red", deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

// Until both threads write again.
bool recovers(fixture& f)
{
    int successes = 0;
    for (const auto until = clock::now() + patience; successes < 4 && clock::now() < until;) {
        if (try_put(f, f.new_key(), "back", clock::now() + 2s)) {
            ++successes;
        } else {
            successes = 0;
            std::this_thread::sleep_for(20ms);
        }
    }
    return successes == 4;
}

// Until the Sentinels name that node.
bool is_master(const redis_group& nodes, int node)
{
    for (const int sentinel : {1, 2, 3})
        if (!nodes.shell(sentinel).says({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"}, redis_group::host(node)))
            return false;
    return true;
}

// A session that the replica has as well.
session_key put_on_both(fixture& f, const redis_group& nodes)
{
    const auto key = f.new_key();
    f.put(key, "red");
    const std::string name = "coatcheck:" + std::string(key.name.str());
    CHECK(nodes.shell(12).says({"EXISTS", name}, "1"));
    return key;
}

std::string why_refused(const std::string& url)
{
    CAPTURE(url);
    fixture f(url);
    const auto written = try_put(f, f.new_key());
    REQUIRE(!written.has_value());
    CHECK(written.error().code == errc::unavailable);
    CHECK(written.error().detail.find("secret") == std::string::npos);
    return written.error().detail;
}

} // namespace

TEST_SUITE_BEGIN("redis sentinel" * doctest::skip(over_what() != "sentinel"));

TEST_CASE("redis sentinel: a fail-over that Sentinel is told to make is followed")
{
    const redis_group nodes("redis-sentinel");
    fixture f(sentinel_url(nodes));
    CHECK(f.wait(f.store().probe(soon())).has_value());
    CHECK(f.store().caps().ended_records == tombstones::best_effort);
    CHECK(!f.store().caps().durable);
    const auto old = put_on_both(f, nodes);
    REQUIRE(nodes.shell(1).says({"SENTINEL", "FAILOVER", "mymaster"}, "OK"));
    REQUIRE(is_master(nodes, 12));
    std::this_thread::sleep_for(1s); // The old one goes on as a master for a while.
    CHECK(recovers(f));
    CHECK(f.load(old)->payload == "red");
    const auto fresh = f.new_key();
    f.put(fresh, "blue");
    CHECK(nodes.shell(12)({"EXISTS", "coatcheck:" + std::string(fresh.name.str())}) == "1");
}

TEST_CASE("redis sentinel: a master that is lost is replaced by the replica that Sentinel promotes")
{
    const redis_group nodes("redis-sentinel");
    fixture f(sentinel_url(nodes));
    const auto key = put_on_both(f, nodes);
    nodes.kill_node(11);
    const auto start = clock::now();
    CHECK(recovers(f));
    MESSAGE("both threads wrote again after ",
            std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - start).count(), " ms");
    CHECK(f.load(key)->payload == "red");
    nodes.revive_node(11);
    CHECK(recovers(f));
    CHECK(f.load(key)->payload == "red");
}

TEST_CASE("redis sentinel: a master that stood still while another was made is told nothing any more, though it thinks "
          "it is one")
{
    const redis_group nodes("redis-sentinel");
    fixture f(sentinel_url(nodes));
    REQUIRE(recovers(f));
    nodes.signal_node(11, SIGSTOP);
    REQUIRE(is_master(nodes, 12));
    std::this_thread::sleep_for(1s); // No request notices.
    nodes.signal_node(11, SIGCONT);
    CHECK(nodes.shell(11)({"ROLE"}).starts_with("master"));
    for (int i = 0; i < 4; ++i) {
        const auto key = f.new_key();
        f.put(key, "red");
        CHECK(nodes.shell(12)({"EXISTS", "coatcheck:" + std::string(key.name.str())}) == "1");
    }
}

TEST_CASE("redis sentinel: Sentinels that are away are passed over")
{
    const redis_group nodes("redis-sentinel");
    nodes.kill_node(2);
    fixture f("redis+sentinel://" + nodes.hosts({9, 2, 3}) + "/mymaster/2");
    f.put(f.new_key(), "red");
    CHECK(nodes.shell(11)({"INFO", "keyspace"}).find("db2:") != std::string::npos);
    CHECK(why_refused("redis+sentinel://" + nodes.hosts({9, 2}) + "/mymaster").find("refused") != std::string::npos);
}

TEST_CASE("redis sentinel: Sentinels and servers with passwords of their own, over TLS")
{
    const test_authority ca;
    std::vector<std::string> options{"--sentinel-password", "secret-1"};
    for (const auto& each : ca.server_options())
        options.push_back(each);
    for (const auto& each : app_user({"+role"}))
        options.push_back(each);
    options.insert(options.end(), {"--requirepass", "secret-2", "--masterauth", "secret-2"});
    const redis_group nodes("redis-sentinel", options);
    const auto url = [&](const std::string& login, const std::string& more) {
        return "rediss+sentinel://" + login + "@" + nodes.hosts({1, 2, 3}) + "/mymaster?ca=" + ca.file("ca.pem") +
               "&cert=" + ca.file("client.pem") + "&key=" + ca.file("client.key") + more;
    };
    fixture f(url("app:secret", "&sentinel_password=secret-1&tls_name=localhost"));
    const auto key = f.new_key();
    f.put(key, "red");
    CHECK(f.load(key)->payload == "red");
    const auto says = [](const std::string& why, std::string_view part) {
        INFO(why);
        CHECK(why.find(part) != std::string::npos);
    };
    says(why_refused(url("app:secret", "&sentinel_password=secret-2&tls_name=localhost")),
         "Sentinel 127.0.0.1: 127.0.0.1:" + std::to_string(nodes.port()) + " refuses the user or the password");
    says(why_refused(url("app:secret", "&tls_name=localhost")), "NOAUTH");
    says(why_refused(url("app:secret-1", "&sentinel_password=secret-1&tls_name=localhost")), "Redis refuses the user");
    says(why_refused(url("app:secret", "&sentinel_password=secret-1")), "IP address mismatch");
}

TEST_CASE("redis sentinel: a master that the Sentinels do not know is not there")
{
    const redis_group nodes("redis-sentinel");
    const auto why = why_refused("redis+sentinel://" + nodes.hosts({1, 2}) + "/another");
    INFO(why);
    CHECK(why.find("knows no master 'another'") != std::string::npos);
    CHECK(why_refused("redis+sentinel://" + shared_server().address() + "/mymaster").find("unknown command") !=
          std::string::npos);
}

TEST_SUITE_END();

} // namespace coatcheck::conformance
