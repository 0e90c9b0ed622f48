#include "backends/mongodb/outage.hpp"

#include <doctest/doctest.h>

namespace coatcheck::mongodb {

namespace {

using namespace std::chrono_literals;

// Whether somebody may try within `most` from `now` on; moves `now` there.
bool may_try_within(outage& o, outage::clock::time_point& now, std::chrono::milliseconds most)
{
    for (const auto end = now + most; now <= end; now += 1ms)
        if (o.may_try(now))
            return true;
    return false;
}

} // namespace

TEST_CASE("a store that is not known to be away is tried by everybody")
{
    outage o;
    const auto now = outage::clock::now();
    CHECK(o.may_try(now));
    CHECK(o.may_try(now));
    o.failed(now, "refused");
    o.over();
    CHECK(o.may_try(now));
    CHECK(o.may_try(now));
}

TEST_CASE("one at a time tries a store that is away, half a second after the last attempt at the latest")
{
    outage o;
    auto now = outage::clock::now();
    for (int i = 0; i < 20; ++i) {
        o.failed(now, "refused");
        CHECK(o.why() == "refused");
        REQUIRE(may_try_within(o, now, 500ms));
        CHECK(!may_try_within(o, now, 2s));
    }
}

TEST_CASE("an attempt that nobody speaks of any more is made again")
{
    outage o;
    auto now = outage::clock::now();
    o.failed(now, "refused");
    REQUIRE(may_try_within(o, now, 500ms));
    CHECK(may_try_within(o, now, 15s));
}

} // namespace coatcheck::mongodb
