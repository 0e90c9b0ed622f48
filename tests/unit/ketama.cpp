#include "backends/memcached/ketama.hpp"

#include "tests/unit/ketama_vectors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace coatcheck;
using memcached::ketama;
using memcached::ketama_server;
using memcached::layout;

namespace {

std::size_t index_of(char letter)
{
    constexpr std::string_view letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return letters.find(letter);
}

std::string key(int i)
{
    return "coatcheck:" + std::to_string(i);
}

} // namespace

TEST_CASE("ketama puts every key where libmemcached does")
{
    for (const auto& v : test::ketama_vectors) {
        CAPTURE(static_cast<int>(v.how));
        CAPTURE(v.servers.size());
        const ketama places(v.servers, v.how);
        int wrong = 0;
        for (int i = 0; i < 1000; ++i)
            wrong += places.server_of(key(i)) != index_of(v.places[static_cast<std::size_t>(i)]) ? 1 : 0;
        CHECK(wrong == 0);
    }
}

TEST_CASE("ketama does not care in which order the servers are named")
{
    std::vector<ketama_server> servers{{"h1", 11211}, {"h2", 11211}, {"h3", 11212}, {"h3", 11213}};
    for (const auto how : {layout::weighted, layout::plain}) {
        const ketama before(servers, how);
        auto turned = servers;
        std::ranges::reverse(turned);
        const ketama after(turned, how);
        for (int i = 0; i < 1000; ++i)
            CHECK(before.server_of(key(i)) == servers.size() - 1 - after.server_of(key(i)));
    }
}

TEST_CASE("a server that joins takes its share and moves nothing between the others")
{
    const std::vector<ketama_server> servers{{"h1", 11211}, {"h2", 11211}, {"h3", 11211}};
    const ketama before({servers[0], servers[1]}, layout::weighted);
    const ketama after(servers, layout::weighted);
    int moved = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto now = after.server_of(key(i));
        if (now == 2)
            ++moved;
        else
            CHECK(now == before.server_of(key(i)));
    }
    CHECK(moved > 2000);
    CHECK(moved < 5000);
}

TEST_CASE("one server has every key")
{
    const ketama places({{"h1", 11211}}, layout::weighted);
    CHECK(places.server_of("") == 0);
    CHECK(places.server_of("coatcheck:") == 0);
}
