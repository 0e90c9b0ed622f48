#include "backends/redis/reply_error.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using redis::failure_of;

TEST_CASE("Redis' errors become ours")
{
    struct {
        std::string_view text;
        errc code;
    } const cases[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", errc::full},
        {"ERR Error running script (call to f_6a): @user_script:1: @user_script: 1: -OOM command not allowed when used "
         "memory > 'maxmemory'.",
         errc::full},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", errc::corrupt},
        {"READONLY You can't write against a read only replica.", errc::unavailable},
        {"LOADING Redis is loading the dataset in memory", errc::unavailable},
        {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", errc::unavailable},
        {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
         errc::unavailable},
        {"BUSY Redis is busy running a script.", errc::unavailable},
        {"NOAUTH Authentication required.", errc::unavailable},
        {"WRONGPASS invalid username-password pair or user is disabled.", errc::unavailable},
        {"NOPERM this user has no permissions to run the 'evalsha' command", errc::unavailable},
        {"NOREPLICAS Not enough good replicas to write.", errc::unavailable},
        {"MOVED 3999 127.0.0.1:6381", errc::unavailable},
        {"ASK 3999 127.0.0.1:6381", errc::unavailable},
        {"CLUSTERDOWN Hash slot not served", errc::unavailable},
        {"TRYAGAIN Multiple keys request during rehashing of slot", errc::unavailable},
        {"ERR something that nobody has seen", errc::internal},
        {"", errc::internal},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(failure_of(c.text).code == c.code);
    }
}

TEST_CASE("the log sees Redis' words, but no arguments that they repeat")
{
    CHECK(failure_of("READONLY You can't write.").detail.ends_with("READONLY You can't write."));
    const auto why = failure_of("ERR unknown command 'EVALSHA', with args beginning with: 'a1' '1' 'key' 'payload'");
    CHECK(why.detail.ends_with("unknown command 'EVALSHA'"));
}

TEST_CASE("what a key holds is told in words of our own")
{
    CHECK(failure_of("WRONGTYPE Operation against a key holding the wrong kind of value").detail ==
          "the key holds no string");
}

TEST_CASE("a node of a Cluster is told as such")
{
    CHECK(failure_of("CLUSTERDOWN The cluster is down").detail.starts_with("the Redis Cluster is down"));
    CHECK(failure_of("MOVED 3999 127.0.0.1:6381").detail.find("Redis Cluster") != std::string::npos);
}
