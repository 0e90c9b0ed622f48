// memcached: several servers, servers that refuse, and replies that are not for us.

#include "tests/conformance/memcached_server.hpp"
#include "tests/conformance/proxy.hpp"

namespace coatcheck::conformance {

TEST_CASE("memcached: of several servers each has its share, and one that is away takes no other's sessions along")
{
    memcached_server away;
    const memcached_server stays;
    fixture f(memcached_at(away.port()) + "," + stays.address() + "/");
    connect_both(f);
    std::vector<session_key> keys;
    for (int i = 0; i < 100; ++i) {
        keys.push_back(f.new_key());
        f.put(keys.back(), "red");
    }
    {
        memcached_shell first(away.port());
        memcached_shell second(stays.port());
        CHECK(first.statistic("curr_items") + second.statistic("curr_items") == 100);
        CHECK(first.statistic("curr_items") > 10);
        CHECK(second.statistic("curr_items") > 10);
    }
    away.crash();
    // Until both threads have noticed.
    for (int quiet = 0; quiet < 4; ++quiet)
        if (f.wait(f.store().probe(soon())))
            quiet = 0;
    int lost = 0;
    for (const auto& key : keys) {
        const auto held = f.wait(f.store().load(key, soon()));
        if (held) {
            REQUIRE(held->has_value());
            CHECK((*held)->payload == "red");
        } else {
            ++lost;
            CHECK(held.error().code == errc::unavailable);
            CHECK(held.error().detail.find(away.address()) != std::string::npos);
            CHECK(code_of(try_put(f, key, "blue")) == errc::unavailable);
        }
    }
    CHECK(lost > 10);
    CHECK(lost < 90);
    away.start();
    connect_both(f);
    CHECK(try_put(f, f.new_key(), "red").has_value());
}

TEST_CASE("memcached: a reply that is another command's closes the connection and answers nobody")
{
    proxy network(shared_memcached().port());
    for (const auto* bytes : {"EN O4000000000\r\n", "VA 3 c7 t-1 O4000000000\r\nred\r\n", "VA 3 c7 t-1\r\nred\r\n",
                              "STORED\r\n", "MN\r\n", "CLIENT_ERROR bad data chunk\r\n", "\x81 is no text\r\n"}) {
        CAPTURE(bytes);
        fixture f(memcached_at(network.port()));
        connect_both(f);
        const auto key = f.new_key();
        f.put(key, "blue");
        const auto before = network.connections();
        network.say(bytes);
        CHECK(f.load(key)->payload == "blue"); // on a new connection
        CHECK(network.connections() == before + 1);
        for (int i = 0; i < 4; ++i)
            CHECK(f.load(key)->payload == "blue");
    }
}

TEST_CASE("memcached: a write whose reply is another command's may have landed and is not sent again")
{
    proxy network(shared_memcached().port());
    fixture f(memcached_at(network.port()));
    connect_both(f);
    const auto key = f.new_key();
    const auto before = memcached_shell(shared_memcached().port()).statistic("cmd_set");
    network.say("HD O4000000000\r\n");
    CHECK(code_of(f.wait(f.store().put(key, plain_changes(), "red", precondition::absent(), f.now, soon()))) ==
          errc::timed_out);
    connect_both(f);
    CHECK(payload_of(f, key) == "red");
    CHECK(memcached_shell(shared_memcached().port()).statistic("cmd_set") == before + 1);
}

TEST_CASE("memcached: TLS wants the CA, the name and, where the server asks, the client's certificate")
{
    const memcached_authority ca;
    const memcached_server server({"tls=" + ca.folder(), "client-ca=" + ca.file("ca.pem")});
    const auto url = "memcacheds://localhost:" + std::to_string(server.port()) + "?ca=" + ca.file("ca.pem");
    fixture without(url);
    CHECK(code_of(without.wait(without.store().probe(soon()))) == errc::unavailable);
    fixture f(url + "&cert=" + ca.file("client.pem") + "&key=" + ca.file("client.key"));
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("memcached: a server that demands SASL is found out")
{
    const memcached_server server({"sasl=app:secret"});
    fixture f("memcached://app%40coatcheck:secret@" + server.address());
    connect_both(f);
    const auto key = f.new_key();
    f.put(key, "red");
    CHECK(f.load(key)->payload == "red");
    f.end(key);
}

TEST_CASE("memcached: a server without CAS is refused")
{
    const memcached_server server({"-C"});
    fixture f(memcached_at(server.port()));
    const auto answer = f.wait(f.store().probe(soon()));
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == errc::unavailable);
    CHECK(answer.error().detail.find("-C") != std::string::npos);
}

} // namespace coatcheck::conformance
