#include "backends/mongodb/outage.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>

namespace coatcheck::mongodb {

namespace {

using namespace std::chrono_literals;

template <class Condition>
bool soon(Condition holds)
{
    for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end;) {
        if (holds())
            return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

} // namespace

TEST_CASE("a store that nobody says is away is not tried")
{
    std::atomic<int> attempts = 0;
    const outage o([&]() -> std::optional<std::string> {
        ++attempts;
        return std::nullopt;
    });
    CHECK(!o.why());
    CHECK(attempts == 0);
}

TEST_CASE("a store that is away is tried until it is back, and the last reason is told")
{
    std::atomic<int> attempts = 0;
    std::atomic<bool> back = false;
    outage o([&]() -> std::optional<std::string> {
        ++attempts;
        return back ? std::nullopt : std::optional<std::string>("still refused");
    });
    for (int round = 0; round < 2; ++round) {
        back = false;
        const int before = attempts;
        o.begins("refused");
        CHECK(o.why());
        CHECK(soon([&] { return attempts >= before + 3; }));
        CHECK(o.why() == "still refused");
        back = true;
        CHECK(soon([&] { return !o.why(); }));
    }
}

TEST_CASE("an outage can be given up at any time")
{
    for (int i = 0; i < 50; ++i) {
        outage o([]() -> std::optional<std::string> { return "refused"; });
        if (i % 2 == 0)
            o.begins("refused");
        if (i % 4 == 0)
            std::this_thread::yield();
    }
}

} // namespace coatcheck::mongodb
