#include "backends/memcached/expiry.hpp"

#include "backends/memcached/server_facts.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace std::chrono_literals;
using memcached::exptime_of;

namespace {

constexpr time_point now{1'800'000'000'123ms};

} // namespace

TEST_CASE("memcached is told a duration of whole seconds that is never too short")
{
    CHECK(exptime_of(now + 1ms, now) == 2);
    CHECK(exptime_of(now + 1s, now) == 2);
    CHECK(exptime_of(now + 1001ms, now) == 3);
    CHECK(exptime_of(now + 30 * 24h - 1s, now) == 2'592'000);
}

TEST_CASE("memcached is told a time where a duration would be taken for one")
{
    CHECK(exptime_of(now + 30 * 24h, now) == 1'802'592'002);
    CHECK(exptime_of(now + 400 * 24h, now) == 1'834'560'002);
}

TEST_CASE("what is over is not kept for ever, and what 32 bits cannot say is")
{
    CHECK(exptime_of(now, now) == 1);
    CHECK(exptime_of(now - 1h, now) == 1);
    CHECK(exptime_of(time_point{}, now) == 1);
    CHECK(exptime_of(time_point{2'147'483'646s}, now) == 2'147'483'647);
    CHECK(exptime_of(time_point{2'147'483'647s}, now) == 0);
    CHECK(exptime_of(never, now) == 0);
}

TEST_CASE("a server's settings say how large a value may be")
{
    memcached::settings_reader settings;
    CHECK(settings.item_size == 1'048'576);
    for (const auto* nonsense : {"", "none", "12k", "99999999999999999999"})
        settings.read("item_size_max", nonsense);
    CHECK(settings.item_size == 1'048'576);
    settings.read("item_size_max", "2097152");
    CHECK(settings.item_size == 2'097'152);
    settings.read("evictions", "off");
    CHECK(!settings.evicts);
    settings.read("cas_enabled", "no");
    CHECK(!settings.swaps);

    memcached::server_facts facts;
    facts.item_size = 1000;
    CHECK(facts.largest_value(53) == 1000 - 53 - memcached::item_overhead);
    facts.item_size = 100;
    CHECK(facts.largest_value(53) == 0);
}
