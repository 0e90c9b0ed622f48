#include "backends/redis/server_facts.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using redis::server_facts;

TEST_CASE("the weakest of several Redis servers decides what all promise")
{
    server_facts facts(false);
    CHECK(facts.ended_records() == tombstones::best_effort);
    CHECK(!facts.durable());
    CHECK(facts.acknowledges().means == "not known until Redis answers");

    facts.expect({"a", "b"});
    facts.learn("a", {.evicts = false, .append_only = true, .synced = true});
    CHECK(facts.acknowledges().means == "not known until Redis answers");
    CHECK(!facts.durable());

    facts.learn("b", {.evicts = false, .append_only = true, .synced = true});
    CHECK(facts.ended_records() == tombstones::kept);
    CHECK(facts.durable());
    CHECK(facts.acknowledges().warning.empty());

    facts.learn("b", {.evicts = true, .append_only = true, .synced = false});
    CHECK(facts.ended_records() == tombstones::best_effort);
    CHECK(!facts.durable());
    CHECK(facts.acknowledges().means == "written to the server's log within a second: appendfsync is not always");
    CHECK(facts.acknowledges().warning.find("noeviction") != std::string::npos);

    facts.expect({"a"});
    CHECK(facts.durable());
}

TEST_CASE("where a replica of Redis may take over, tombstones and durability are not promised")
{
    server_facts facts(true);
    facts.learn("a", {.evicts = false, .append_only = true, .synced = true});
    CHECK(!facts.durable());
    CHECK(facts.ended_records() == tombstones::best_effort);
    CHECK(facts.acknowledges().means.find("a fail-over loses") != std::string::npos);
}
