#include "backends/dynamodb/credentials/chain.hpp"
#include "tests/support/running.hpp"

#include <doctest/doctest.h>

#include <atomic>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;

deadline soon()
{
    return std::chrono::steady_clock::now() + 20s;
}

std::string text(const result<credential_chain::shared>& got)
{
    return got ? (*got)->key_id + "/" + (*got)->secret + "/" + (*got)->token : got.error().detail;
}

// A source whose answers the test makes.
class scripted_source final : public credential_source {
public:
    explicit scripted_source(std::function<result<std::optional<credentials>>(int)> answer) : answer_(std::move(answer))
    {}

    awaitable<result<std::optional<credentials>>> fetch(deadline) override { co_return answer_(++calls_); }

private:
    std::function<result<std::optional<credentials>>(int)> answer_;
    int calls_ = 0;
};

credentials until(std::string key, std::chrono::milliseconds left)
{
    return {std::move(key), "s", "",
            std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()) + left};
}

struct scripted_chain {
    explicit scripted_chain(std::function<result<std::optional<credentials>>(int)> answer)
        : chain(run.threads(), sources(std::move(answer)), 100ms)
    {}

    static credential_sources sources(std::function<result<std::optional<credentials>>(int)> answer)
    {
        credential_sources all;
        all.push_back(std::make_unique<scripted_source>(std::move(answer)));
        return all;
    }

    std::string now() { return text(run.wait(chain.current(soon()))); }

    // Until it is `expected`, for ten seconds at most.
    bool becomes(const std::string& expected)
    {
        for (int i = 0; i < 1000; ++i) {
            if (now() == expected)
                return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }

    running run;
    credential_chain chain;
};

} // namespace

TEST_CASE("credentials: they are fetched once for all callers, and kept")
{
    std::atomic<int> calls = 0;
    scripted_chain c([&](int call) {
        calls = call;
        return std::optional(credentials{"AK", "s", "", {}});
    });
    std::vector<std::future<void>> waiting;
    auto ask = [&]() -> awaitable<void> { static_cast<void>(co_await c.chain.current(soon())); };
    for (int i = 0; i < 10; ++i)
        waiting.push_back(c.run.start(ask()));
    for (auto& each : waiting)
        each.wait();
    CHECK(c.now() == "AK/s/");
    CHECK(calls == 1);
}

TEST_CASE("credentials: what is about to expire serves on until it has, while new ones are fetched or cannot be")
{
    scripted_chain c([](int call) -> result<std::optional<credentials>> {
        if (call == 1)
            return std::optional(until("AK1", 2min));
        return std::optional(until("AK2", 1h));
    });
    CHECK(c.now() == "AK1/s/");
    CHECK(c.now() == "AK1/s/");
    CHECK(c.becomes("AK2/s/"));

    scripted_chain away([](int call) -> result<std::optional<credentials>> {
        if (call == 1)
            return std::optional(until("AK1", 500ms));
        return failure{errc::unavailable, "away"};
    });
    CHECK(away.now() == "AK1/s/");
    CHECK(away.becomes("away"));
}

TEST_CASE("credentials: after a failure callers are refused at once, and within a second it is tried again")
{
    scripted_chain c([](int call) -> result<std::optional<credentials>> {
        if (call == 1)
            return failure{errc::unavailable, "away"};
        return std::optional(credentials{"AK", "s", "", {}});
    });
    const auto start = std::chrono::steady_clock::now();
    CHECK(c.now() == "away");
    CHECK(c.becomes("AK/s/"));
    CHECK(std::chrono::steady_clock::now() - start < 3s);
}

TEST_CASE("credentials: those that a service calls expired are not given out again")
{
    scripted_chain c([](int call) { return std::optional(credentials{"AK" + std::to_string(call), "s", "", {}}); });
    const auto first = c.run.wait(c.chain.current(soon()));
    REQUIRE(first.has_value());
    c.chain.expired(*first);
    CHECK(c.now() == "the AWS credentials have expired"); // they are new: asking at once would give the same
    CHECK(c.becomes("AK2/s/"));
    const auto second = c.run.wait(c.chain.current(soon()));
    c.chain.refused(*second);
    CHECK(c.now() == "AK2/s/");
    CHECK(c.becomes("AK3/s/"));
}

} // namespace coatcheck::dynamodb
