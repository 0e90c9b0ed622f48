// memory://, and what is true of it alone: its bound, eviction and removal.

#include "backends/memory/store.hpp"
#include "backends/registry.hpp"
#include "proto/random.hpp"
#include "tests/conformance/fixture.hpp"

#include <latch>
#include <set>
#include <stdexcept>

namespace coatcheck::conformance {

std::string store_url()
{
    return "memory://";
}

std::optional<remote_store> remote()
{
    return std::nullopt;
}

namespace {

constexpr std::size_t bound = std::size_t{1} << 20U;

time_point system_now()
{
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

handle new_name()
{
    return handle_maker()(make_session_id());
}

// Creates sessions of `size` bytes until the store refuses one; their names in order.
std::vector<handle> fill(memory::store& s, std::size_t size, time_point now, errc& why)
{
    std::vector<handle> names;
    for (;;) {
        names.push_back(new_name());
        const auto answer = s.put(names.back(), plain_changes(), std::string(size, 'x'), precondition::absent(), now);
        if (!answer) {
            why = answer.error().code;
            names.pop_back();
            return names;
        }
    }
}

bool put(memory::store& s, const handle& name, std::size_t size, time_point now)
{
    return s.put(name, plain_changes(), std::string(size, 'x'), precondition::none(), now).has_value();
}

} // namespace

TEST_CASE("memory: the store belongs to one daemon, keeps tombstones and survives nothing")
{
    runtime threads(1);
    const auto refusing = open_backend("memory://?max=2MiB", threads)->caps();
    CHECK(refusing.conditional_writes == kept_by::daemon);
    CHECK(refusing.ended_records == tombstones::kept);
    CHECK(!refusing.durable);
    CHECK(*refusing.max_payload < (std::size_t{2} << 20U));
    CHECK(open_backend("memory://?max=2MiB&evict=lru", threads)->caps().ended_records == tombstones::best_effort);
}

TEST_CASE("memory: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const auto* url : {"memory://somewhere", "memory:///path", "memory://user@", "memory://?max=none",
                            "memory://?max=1KiB", "memory://?evict=random", "memory://?maximum=1MiB"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    check_backend("memory://?max=64MiB&evict=lru");
}

TEST_CASE("memory: a full store refuses new sessions by errc::full and keeps all it has")
{
    memory::store s(bound, memory::when_full::refuse);
    errc why{};
    const auto now = system_now();
    const auto names = fill(s, 1000, now, why);
    CHECK(why == errc::full);
    CHECK(names.size() > bound / 1300);
    CHECK(s.bytes() <= bound);
    for (const auto& name : names)
        CHECK(s.load(name).has_value());
    CHECK(!put(s, names[0], 2000, now));
    CHECK(s.load(names[0])->payload.size() == 1000);
    CHECK(put(s, names[0], 500, now));
    CHECK(put(s, new_name(), 200, now));
}

TEST_CASE("memory: a record costs at most some 200 bytes beyond its payload")
{
    memory::store s(bound, memory::when_full::refuse);
    for (std::size_t size = 0; size < 64; ++size)
        put(s, new_name(), size, system_now());
    CHECK(s.bytes() <= std::size_t{64} * (31 + 210));
    CHECK(s.bytes() >= 64 * (31 + sizeof(memory::stored_record) + 8));
}

TEST_CASE("memory: a full store makes room by what has expired")
{
    memory::store s(bound, memory::when_full::refuse);
    errc why{};
    auto now = system_now();
    const auto names = fill(s, 1000, now, why);
    now += 66min;
    CHECK(put(s, new_name(), 1000, now));
    CHECK(!s.load(names[0]).has_value());
    CHECK(s.load(names[5]).has_value());
}

TEST_CASE("memory: a session that goes on does not hold up those that ended before it")
{
    memory::store s(bound, memory::when_full::refuse);
    const auto now = system_now();
    const auto used = new_name();
    const auto idle = new_name();
    put(s, used, 1000, now);
    put(s, idle, 1000, now + 1s);
    s.extend(used, now + 60min, 10min);

    s.drop_forgotten(now + 80min);

    CHECK(s.load(used).has_value());
    CHECK(!s.load(idle).has_value());
}

TEST_CASE("memory: a full store takes every tombstone, and the oldest goes first")
{
    memory::store s(bound, memory::when_full::refuse);
    errc why{};
    const auto now = system_now();
    const auto names = fill(s, 100, now, why);
    const auto held = [&](const handle& name) { return s.load(name).has_value(); };

    std::vector<handle> ended;
    for (int i = 0; i < 2000; ++i) {
        ended.push_back(new_name());
        s.end(ended.back(), now, now + 60s);
        REQUIRE(held(ended.back()));
        REQUIRE(s.bytes() <= bound);
    }
    for (const auto& name : names)
        CHECK(held(name));
    CHECK(!held(ended.front()));
    const auto first_kept = std::ranges::find_if(ended, held);
    CHECK(ended.end() - first_kept > 250);
    CHECK(std::all_of(first_kept, ended.end(), held));

    for (const auto& name : names) {
        s.end(name, now, now + 60s);
        CHECK(s.load(name)->about.what == kind::ended);
    }
}

TEST_CASE("memory: tombstones beyond their reserve give way to sessions")
{
    memory::store s(bound, memory::when_full::refuse);
    errc why{};
    const auto now = system_now();
    for (int i = 0; i < 6000; ++i)
        s.end(new_name(), now, now + 60s);
    CHECK(s.bytes() > bound - 1000);
    const auto names = fill(s, 1000, now, why);
    CHECK(names.size() > bound / 1300);
    CHECK(s.bytes() > bound - 3000);
    CHECK(s.bytes() <= bound);
}

TEST_CASE("memory: with evict=lru a full store drops the session that was used longest ago")
{
    memory::store s(bound, memory::when_full::evict_least_used);
    const auto now = system_now();
    const auto first = new_name();
    const auto second = new_name();
    const auto third = new_name();
    for (const auto& name : {first, second, third})
        CHECK(put(s, name, 300'000, now));
    s.load(first);
    s.extend(second, now, 10min);

    CHECK(put(s, new_name(), 300'000, now));

    CHECK(!s.load(third).has_value());
    CHECK(s.load(first).has_value());
    CHECK(s.load(second).has_value());
    CHECK(s.bytes() <= bound);
}

TEST_CASE("memory: with evict=lru a session that grows is not dropped to make room for itself")
{
    memory::store s(bound, memory::when_full::evict_least_used);
    const auto now = system_now();
    const auto growing = new_name();
    const auto other = new_name();
    put(s, growing, 300'000, now);
    put(s, other, 300'000, now);
    const auto answer = s.put(growing, plain_changes(), std::string(900'000, 'y'), precondition::exists(), now);
    REQUIRE(answer.has_value());
    CHECK(answer->what == write::outcome::replaced);
    CHECK(!s.load(other).has_value());
}

TEST_CASE("memory: a payload larger than the store drops nothing")
{
    memory::store s(bound, memory::when_full::evict_least_used);
    const auto now = system_now();
    const auto name = new_name();
    put(s, name, 1000, now);
    const auto answer = s.put(new_name(), plain_changes(), std::string(bound, 'y'), precondition::none(), now);
    REQUIRE(!answer.has_value());
    CHECK(answer.error().code == errc::too_large);
    CHECK(s.load(name).has_value());
    CHECK(put(s, new_name(), s.max_payload(), now));
}

TEST_CASE("memory: the account is at zero when everything is past its keep_until")
{
    memory::store s(std::size_t{64} << 20U, memory::when_full::refuse);
    auto now = system_now();
    std::vector<handle> names;
    for (int i = 0; i < 3000; ++i) {
        names.push_back(new_name());
        put(s, names.back(), static_cast<std::size_t>(i) % 700, now);
        if (i % 3 == 0)
            put(s, names.back(), 50, now + 1s);
        if (i % 5 == 0)
            s.extend(names.back(), now + 20min, 10min);
        if (i % 7 == 0)
            s.end(names.back(), now, now + 60s);
    }
    // Last, as in a store, whose tombstones are all kept equally long: one that stays longer delays those behind it.
    for (std::size_t i = 0; i < names.size(); i += 21)
        s.end(names[i], now, now + 120s);
    CHECK(s.bytes() > 0);
    now += 60s;
    while (s.drop_forgotten(now)) {
    }
    CHECK(!s.load(names[7]).has_value());
    CHECK(s.load(names[21]).has_value());
    now += 24h;
    while (s.drop_forgotten(now)) {
    }
    CHECK(s.bytes() == 0);
    for (const auto& name : names)
        CHECK(!s.load(name).has_value());
}

TEST_CASE("memory: records go by themselves when they are past their keep_until")
{
    fixture f;
    const auto key = f.new_key();
    // Written as if an hour ago, it has two seconds left.
    auto changes = plain_changes();
    changes.keep_after_end = 0ms;
    const auto long_ago = f.now - 66min + 2s;
    const auto written = f.wait(f.store().put(key, changes, "red", precondition::none(), long_ago, soon()));
    REQUIRE(written.has_value());
    CHECK(f.wait(f.store().load(key, soon()))->has_value());
    const auto patience = std::chrono::steady_clock::now() + 10s;
    bool gone = false;
    while (!gone && std::chrono::steady_clock::now() < patience) {
        std::this_thread::sleep_for(20ms);
        gone = !f.wait(f.store().load(key, soon()))->has_value();
    }
    CHECK(gone);
}

TEST_CASE("memory: parallel use of a full store keeps its bound and its account")
{
    constexpr std::size_t small_bound = std::size_t{33} << 20U; // two shards
    for (const auto policy : {memory::when_full::refuse, memory::when_full::evict_least_used}) {
        memory::store s(small_bound, policy);
        const auto now = system_now();
        std::vector<handle> names;
        for (int i = 0; i < 2000; ++i)
            names.push_back(new_name());
        constexpr int workers = 4;
        std::latch start(workers);
        std::vector<std::jthread> threads;
        for (int w = 0; w < workers; ++w)
            threads.emplace_back([&, w] {
                start.arrive_and_wait();
                std::uint64_t dice = 88172645463325252U + static_cast<std::uint64_t>(w);
                for (int i = 0; i < 4000; ++i) {
                    dice ^= dice << 13U;
                    dice ^= dice >> 7U;
                    dice ^= dice << 17U;
                    const auto& name = names[dice % names.size()];
                    const auto later = now + std::chrono::minutes(i / 50);
                    switch (dice >> 60U) {
                    case 0:
                        s.end(name, later, later + 60s);
                        break;
                    case 1:
                    case 2:
                        s.extend(name, later, 10min);
                        break;
                    case 3:
                        s.drop_forgotten(later);
                        break;
                    case 4:
                    case 5:
                        s.load(name);
                        break;
                    default:
                        put(s, name, 20'000 + dice % 40'000, later);
                    }
                    CHECK(s.bytes() <= small_bound + workers * memory::stored_record::cost_of(0));
                }
            });
        threads.clear();
        while (s.drop_forgotten(now + 24h)) {
        }
        CHECK(s.bytes() == 0);
    }
}

} // namespace coatcheck::conformance
