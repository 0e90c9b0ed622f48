#include "backends/redis/slots.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace coatcheck;
using redis::redirection_of;
using redis::reply;
using redis::slot_of;
using redis::topology_of;
using type = redis::reply::type;

namespace {

reply text(std::string_view t)
{
    return {type::string, 0, t, {}};
}

reply number(std::int64_t n)
{
    return {type::integer, n, {}, {}};
}

reply array(std::span<const reply> elements)
{
    return {type::array, 0, {}, elements};
}

reply error(std::string_view t)
{
    return {type::error, 0, t, {}};
}

} // namespace

TEST_CASE("the checksum of keys is CRC-16/XMODEM")
{
    CHECK(redis::crc16("123456789") == 0x31c3);
    CHECK(redis::crc16("") == 0);
}

TEST_CASE("a key's slot is as Redis says")
{
    // CLUSTER KEYSLOT of a Redis 7.
    CHECK(slot_of("somekey") == 11058);
    CHECK(slot_of("foo{hash_tag}") == 2515);
    CHECK(slot_of("bar{hash_tag}") == 2515);
    CHECK(slot_of("") == 0);
}

TEST_CASE("braces in a key name what decides, as they do in Redis")
{
    CHECK(slot_of("{user1000}.following") == slot_of("user1000"));
    CHECK(slot_of("foo{}{bar}") == redis::crc16("foo{}{bar}") % redis::slot_count);
    CHECK(slot_of("foo{{bar}}zap") == slot_of("{bar"));
    CHECK(slot_of("foo{bar}{zap}") == slot_of("bar"));
    CHECK(slot_of("foo{bar") == redis::crc16("foo{bar") % redis::slot_count);
    CHECK(slot_of("}foo{bar}") == slot_of("bar"));
}

TEST_CASE("the map of slots is read, whatever a node knows of its own host")
{
    const std::array<reply, 3> one{text("10.0.0.1"), number(6379), text("id-1")};
    const std::array<reply, 3> two{text(""), number(6380), text("id-2")};
    const std::array<reply, 4> three{reply{}, number(6381), text("id-3"), array({})};
    const std::array<reply, 4> first{number(0), number(5460), array(one), array(two)};
    const std::array<reply, 3> second{number(5461), number(5461), array(two)};
    const std::array<reply, 3> third{number(5462), number(16383), array(three)};
    const std::array<reply, 3> all{array(first), array(second), array(third)};
    const auto map = topology_of(array(all), "asked.example");
    REQUIRE(map.has_value());
    REQUIRE(map->ranges.size() == 3);
    const bool right = map->ranges[0] == redis::slot_range{0, 5460, {"10.0.0.1", 6379}} &&
                       map->ranges[1] == redis::slot_range{5461, 5461, {"asked.example", 6380}} &&
                       map->ranges[2] == redis::slot_range{5462, 16383, {"asked.example", 6381}};
    CHECK(right);
    CHECK(topology_of(array({}), "a")->ranges.empty());
}

TEST_CASE("what is no map of slots is refused")
{
    const std::array<reply, 2> good{text("h"), number(1)};
    const std::array<reply, 2> no_port{text("h"), number(0)};
    const std::array<reply, 2> large_port{text("h"), number(65536)};
    const std::array<reply, 2> text_port{text("h"), text("6379")};
    const std::array<reply, 1> no_node{text("h")};
    const std::array<reply, 2> no_host{number(1), number(1)};
    const auto refused = [](std::initializer_list<reply> range) {
        const std::array<reply, 1> ranges{array(std::span(range.begin(), range.size()))};
        return !topology_of(array(ranges), "asked").has_value();
    };
    CHECK(!refused({number(0), number(16383), array(good)}));
    CHECK(refused({number(-1), number(1), array(good)}));
    CHECK(refused({number(2), number(1), array(good)}));
    CHECK(refused({number(0), number(16384), array(good)}));
    CHECK(refused({text("0"), number(1), array(good)}));
    CHECK(refused({number(0), number(1)}));
    CHECK(refused({number(0), number(1), text("h")}));
    for (const auto* node : {&no_port, &large_port, &text_port, &no_host})
        CHECK(refused({number(0), number(1), array(*node)}));
    CHECK(refused({number(0), number(1), array(no_node)}));
    CHECK(refused({}));
    CHECK(!topology_of(number(1), "asked").has_value());
    CHECK(!topology_of(error("ERR This instance has cluster support disabled"), "asked").has_value());
}

TEST_CASE("a redirection names the node, and whether it is for once")
{
    const auto moved = redirection_of(error("MOVED 3999 127.0.0.1:6381"), "asked");
    REQUIRE(moved.has_value());
    CHECK(!moved->ask);
    CHECK(to_string(moved->to) == "127.0.0.1:6381");
    const auto ask = redirection_of(error("ASK 3999 redis-1.example:6381"), "asked");
    REQUIRE(ask.has_value());
    CHECK(ask->ask);
    CHECK(to_string(ask->to) == "redis-1.example:6381");
    CHECK(redirection_of(error("MOVED 3999 :6381"), "asked")->to.host == "asked");
    CHECK(redirection_of(error("MOVED 3999 2001:db8::1:6381"), "asked")->to.host == "2001:db8::1");
    for (const auto* other :
         {"MOVED", "MOVED 3999", "MOVED 3999 host", "MOVED 3999 host:", "MOVED 3999 host:0", "MOVED 3999 host:65536",
          "MOVED 3999 host:1x", "MOVEDX 3999 host:1", "ASK", "ERR MOVED 3999 host:1", ""}) {
        CAPTURE(other);
        CHECK(!redirection_of(error(other), "asked").has_value());
    }
    CHECK(!redirection_of(text("MOVED 3999 127.0.0.1:6381"), "asked").has_value());
}
