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
    const outage o([&]() -> std::optional<absence> {
        ++attempts;
        return std::nullopt;
    });
    CHECK(!o.now());
    CHECK(attempts == 0);
}

TEST_CASE("a store that is away is tried until it is back, and the last reason is told")
{
    std::atomic<int> attempts = 0;
    std::atomic<bool> back = false;
    outage o([&]() -> std::optional<absence> {
        ++attempts;
        return back ? std::nullopt : std::optional(absence{"still refused", false});
    });
    for (int round = 0; round < 2; ++round) {
        back = false;
        const int before = attempts;
        o.begins({"refused", true});
        CHECK(o.now());
        CHECK(soon([&] { return attempts >= before + 3; }));
        CHECK(o.now()->why == "still refused");
        back = true;
        CHECK(soon([&] { return !o.now(); }));
    }
}

TEST_CASE("an outage can be given up at any time")
{
    for (int i = 0; i < 50; ++i) {
        outage o([]() -> std::optional<absence> { return absence{"refused", true}; });
        if (i % 2 == 0)
            o.begins({"refused", true});
        if (i % 4 == 0)
            std::this_thread::yield();
    }
}

} // namespace coatcheck::mongodb
