#include "server/config.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

TEST_CASE("a listen address is written as it was read")
{
    for (const std::string text :
         {"127.0.0.1:8642", "0.0.0.0:0", "[::1]:65535", "[::]:8642", "unix:/run/coatcheck.sock", "unix:relative.sock",
          "unix:/run/c.sock?mode=0660", "unix:/run/c.sock?group=www-data", "unix:/run/c.sock?mode=0600&group=a"})
        CHECK(listen_address::parse(text).str() == text);
}

TEST_CASE("what is no listen address is refused")
{
    for (const std::string text : {"",
                                   ":8642",
                                   "8642",
                                   "127.0.0.1",
                                   "127.0.0.1:",
                                   "127.0.0.1:65536",
                                   "127.0.0.1:-1",
                                   "127.0.0.1:80x",
                                   "localhost:8642",
                                   "*:8642",
                                   "::1:8642",
                                   "[127.0.0.1]:8642",
                                   "[::1]8642",
                                   "unix:",
                                   "unix:?mode=0600",
                                   "unix:/a?mode=0888",
                                   "unix:/a?mode=01777",
                                   "unix:/a?mode=",
                                   "unix:/a?mood=0600",
                                   "unix:/a?group=",
                                   "unix:/a?",
                                   "unix:/a?mode=0600&"})
        CHECK_THROWS_AS(listen_address::parse(text), std::invalid_argument);
    CHECK_THROWS_AS(listen_address::parse("unix:/" + std::string(107, 'a')), std::invalid_argument);
    CHECK_NOTHROW(listen_address::parse("unix:/" + std::string(106, 'a')));
}

TEST_CASE("only this machine's own addresses are loopback")
{
    for (const std::string text : {"127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "unix:/a"})
        CHECK(listen_address::parse(text).is_loopback());
    for (const std::string text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1"})
        CHECK(!listen_address::parse(text).is_loopback());
}
