#include "backends/layers/breaker.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

// Answers every operation with the failure that the test sets, or does nothing.
class switched_backend final : public backend {
public:
    std::atomic<int> failing_with{-1}; // an errc, or -1
    std::atomic<int> fails_left{1'000'000};
    std::atomic<int> calls{0};
    std::atomic<int> probes{0};

    bool in_parts = false;
    capabilities caps() const noexcept override
    {
        capabilities c;
        c.fails_in_parts = in_parts;
        return c;
    }
    acknowledgement acknowledges() const override { return {}; }
    awaitable<result<std::optional<record>>> load(const session_key&, deadline) override
    {
        ++calls;
        if (auto f = failed())
            co_return *f;
        co_return std::nullopt;
    }
    awaitable<result<write>> put(const session_key&, const head_changes&, std::string_view, precondition, time_point,
                                 deadline) override
    {
        ++calls;
        if (auto f = failed())
            co_return *f;
        co_return write{};
    }
    awaitable<result<bool>> swap(const session_key&, const head*, const head&, std::optional<std::string_view>,
                                 time_point, deadline) override
    {
        ++calls;
        if (auto f = failed())
            co_return *f;
        co_return true;
    }
    awaitable<result<std::optional<head>>> end(const session_key&, time_point, time_point, deadline) override
    {
        ++calls;
        if (auto f = failed())
            co_return *f;
        co_return std::nullopt;
    }
    awaitable<result<std::optional<head>>> extend(const session_key&, time_point, std::chrono::milliseconds,
                                                  deadline) override
    {
        ++calls;
        if (auto f = failed())
            co_return *f;
        co_return std::nullopt;
    }
    awaitable<result<void>> probe(deadline) override
    {
        ++probes;
        if (auto f = failed())
            co_return *f;
        co_return result<void>();
    }

private:
    std::optional<failure> failed()
    {
        if (failing_with < 0 || fails_left-- <= 0)
            return std::nullopt;
        return failure{static_cast<errc>(failing_with.load()), "the cable"};
    }
};

struct bench {
    bench()
    {
        auto made = std::make_unique<switched_backend>();
        store = made.get();
        guarded = std::make_unique<breaker>(std::move(made), [this](circuit now, const failure& why) {
            changes.push_back(now);
            reason = why.detail;
        });
        thread = std::jthread([this] {
            const auto work = boost::asio::make_work_guard(threads.context(0));
            threads.run(0);
        });
    }
    ~bench()
    {
        threads.stop();
        thread.join();
    }

    template <class T>
    T wait(awaitable<T> op)
    {
        return boost::asio::co_spawn(threads.context(0).get_executor(), std::move(op), boost::asio::use_future).get();
    }

    result<std::optional<record>> load() { return wait(guarded->load(key, std::chrono::steady_clock::now() + 2s)); }

    void fail_with(errc code) { store->failing_with = static_cast<int>(code); }
    void heal() { store->failing_with = -1; }

    bool closes_within(std::chrono::milliseconds time)
    {
        const auto end = std::chrono::steady_clock::now() + time;
        while (guarded->state() != circuit::closed && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(1ms);
        return guarded->state() == circuit::closed;
    }

    runtime threads{1};
    switched_backend* store;
    std::vector<circuit> changes;
    std::string reason;
    std::unique_ptr<breaker> guarded;
    std::jthread thread;
    session_key key{handle(std::string(handle::length, 'a')), std::nullopt};
};

} // namespace

TEST_CASE("a circuit opens after five failures in a row, then refuses at once and says why")
{
    for (const auto code : {errc::timed_out, errc::unavailable}) {
        bench b;
        b.fail_with(code);
        while (b.guarded->state() == circuit::closed && b.store->calls < 20)
            CHECK(b.load().error().code == code);
        CHECK(b.store->calls == 5);
        const auto refused = b.load();
        CHECK(refused.error().code == errc::unavailable);
        CHECK(refused.error().detail == "the circuit is open: the cable");
        CHECK(b.store->calls == 5);
        b.heal();
        CHECK(b.closes_within(2s));
        CHECK(b.changes == std::vector{circuit::open, circuit::closed});
    }
}

TEST_CASE("an open circuit closes by probes of its own, without a caller")
{
    bench b;
    b.fail_with(errc::timed_out);
    for (int i = 0; i < 5; ++i)
        b.load();
    CHECK(b.guarded->state() != circuit::closed);
    std::this_thread::sleep_for(300ms);
    CHECK(b.store->probes >= 2);
    CHECK(b.guarded->state() != circuit::closed);
    b.heal();
    CHECK(b.closes_within(1s));
    CHECK(b.load().has_value());
}

TEST_CASE("a success between failures keeps the circuit closed")
{
    bench b;
    for (int i = 0; i < 20; ++i) {
        b.fail_with(i % 4 == 3 ? errc::full : errc::timed_out);
        b.load();
    }
    CHECK(b.guarded->state() == circuit::closed);
}

TEST_CASE("failures that are no outage do not open the circuit")
{
    for (const auto code : {errc::full, errc::corrupt, errc::newer_format, errc::too_large, errc::internal}) {
        bench b;
        b.fail_with(code);
        for (int i = 0; i < 20; ++i)
            CHECK(b.load().error().code == code);
        CHECK(b.guarded->state() == circuit::closed);
        CHECK(b.store->calls == 20);
    }
}

TEST_CASE("a store that fails in parts has no circuit")
{
    bench b;
    b.store->in_parts = true;
    b.fail_with(errc::timed_out);
    for (int i = 0; i < 20; ++i)
        b.load();
    CHECK(b.guarded->state() == circuit::closed);
    CHECK(b.store->calls == 20);
}

TEST_CASE("what was certainly not done is tried once more, what may have been is not")
{
    bench b;
    b.store->fails_left = 1;
    b.fail_with(errc::unavailable);
    CHECK(b.load().has_value());
    CHECK(b.store->calls == 2);

    b.store->fails_left = 1;
    b.fail_with(errc::timed_out);
    const head_changes changes;
    const auto written = b.wait(b.guarded->put(b.key, changes, "red", precondition::none(), time_point{},
                                               std::chrono::steady_clock::now() + 2s));
    CHECK(written.error().code == errc::timed_out);
    CHECK(b.store->calls == 3);
}

TEST_CASE("a probe from outside goes to the store only while the circuit is closed, and is not counted")
{
    bench b;
    b.fail_with(errc::unavailable);
    for (int i = 0; i < 20; ++i)
        CHECK(!b.wait(b.guarded->probe(std::chrono::steady_clock::now() + 1s)).has_value());
    CHECK(b.guarded->state() == circuit::closed);
}

} // namespace coatcheck
