// Many callers on both threads at once: each write is one atomic step.

#include "tests/conformance/fixture.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace coatcheck::conformance {

namespace {

// The value, after a CHECK that there is one: REQUIRE would throw out of a coroutine that others wait for.
template <class T>
T checked(result<T> answer)
{
    CHECK_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    return std::move(answer).value();
}

} // namespace

TEST_CASE("of many parallel creators exactly one wins")
{
    fixture f;
    for (int round = 0; round < 5; ++round) {
        const auto key = f.new_key();
        std::atomic<int> created = 0;
        std::atomic<int> refused = 0;
        std::string winner;
        f.parallel(32, [&](std::size_t i) -> awaitable<void> {
            const auto changes = plain_changes();
            const std::string payload = std::to_string(i);
            const auto answer = co_await f.store().put(key, changes, payload, precondition::absent(), f.now, soon());
            const write w = checked(answer);
            if (w.what == write::outcome::created) {
                ++created;
                winner = payload;
            } else if (refused_by(w, errc::precondition_failed)) {
                ++refused;
            }
        });
        CHECK(created == 1);
        CHECK(refused == 31);
        const auto held = checked(f.wait(f.store().load(key, soon())));
        REQUIRE(held);
        CHECK(held->payload == winner);
        CHECK(held->about.revision == 1);
    }
}

TEST_CASE("a record that is remembered no longer is replaced by one creator alone")
{
    // The old record and the new one both have revision 1, which must not make them the same.
    fixture f;
    for (int round = 0; round < 10; ++round) {
        const auto key = f.new_key();
        f.put(key, "old");
        f.now += 3h;
        std::atomic<int> created = 0;
        f.parallel(8, [&](std::size_t) -> awaitable<void> {
            const auto changes = plain_changes();
            const auto answer = co_await f.store().put(key, changes, "new", precondition::absent(), f.now, soon());
            created += checked(answer).what == write::outcome::created ? 1 : 0;
        });
        CHECK(created == 1);
    }
}

TEST_CASE("writers that retry on the version, or on the revision, lose no update")
{
    fixture f;
    constexpr int writers = 8;
    constexpr int updates = 12;
    for (const bool by_version : {true, false}) {
        const auto key = f.new_key();
        f.put(key, "0");
        f.parallel(writers, [&](std::size_t) -> awaitable<void> {
            for (int done = 0; done < updates;) {
                const auto answer = co_await f.store().load(key, soon());
                const auto held = checked(answer);
                const auto when = by_version ? precondition::matches(held->about.data_version)
                                             : precondition::at_revision(held->about.revision);
                const std::string next = std::to_string(std::stoi(held->payload) + 1);
                const auto changes = plain_changes();
                const auto written = co_await f.store().put(key, changes, next, when, f.now, soon());
                const write w = checked(written);
                if (w.what == write::outcome::replaced)
                    ++done;
                else
                    CHECK(w.why == errc::precondition_failed);
            }
        });
        const auto held = checked(f.wait(f.store().load(key, soon())));
        CHECK(held->payload == std::to_string(writers * updates));
        CHECK(held->about.revision == 1 + writers * updates);
    }
}

TEST_CASE("parallel unconditional writers leave one whole value, and readers never see another")
{
    fixture f;
    const auto key = f.new_key();
    constexpr std::size_t size = 100'000;
    std::mutex mutex;
    std::map<std::uint64_t, char> written; // version to payload
    const auto whole = [&](const record& r) {
        const std::lock_guard hold(mutex);
        const auto found = written.find(r.about.data_version.bits);
        return found != written.end() && r.payload == std::string(size, found->second);
    };
    f.parallel(16, [&](std::size_t i) -> awaitable<void> {
        for (int n = 0; n < 4; ++n) {
            const char letter = static_cast<char>('a' + i);
            const std::string payload(size, letter);
            const auto changes = plain_changes();
            {
                const std::lock_guard hold(mutex);
                written[changes.next.bits] = letter;
            }
            const auto put = co_await f.store().put(key, changes, payload, precondition::none(), f.now, soon());
            CHECK(checked(put).about.data_version == changes.next);
            const auto answer = co_await f.store().load(key, soon());
            const auto held = checked(answer);
            CHECK((held && whole(*held)));
        }
    });
    const auto held = checked(f.wait(f.store().load(key, soon())));
    CHECK((held && whole(*held)));
    CHECK(held->about.revision == 64);
}

TEST_CASE("a write in flight while its session ends does not bring it back")
{
    fixture f;
    for (int round = 0; round < 10; ++round) {
        const auto key = f.new_key();
        std::atomic<bool> over = false;
        f.parallel(9, [&](std::size_t i) -> awaitable<void> {
            for (int n = 0; n < 10; ++n) {
                if (i == 4 && n == 3) {
                    const auto ended = co_await f.store().end(key, f.now, f.now + 60s, soon());
                    CHECK(ended.has_value());
                    over = true;
                    co_return;
                }
                const bool late = over;
                const auto changes = plain_changes();
                const auto when = i % 2 == 0 ? precondition::none() : precondition::absent();
                const auto answer = co_await f.store().put(key, changes, "back", when, f.now, soon());
                const write w = checked(answer);
                if (late)
                    CHECK(refused_by(w, errc::ended));
                const auto used = co_await f.store().extend(key, f.now + 30min, 10min, soon());
                CHECK(used.has_value());
            }
        });
        const auto held = checked(f.wait(f.store().load(key, soon())));
        REQUIRE(held);
        CHECK(held->about.what == kind::ended);
    }
}

TEST_CASE("parallel uses of a session write one extension")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    const auto now = f.now + 30min;
    f.parallel(16, [&](std::size_t) -> awaitable<void> {
        const auto answer = co_await f.store().extend(key, now, 10min, soon());
        const auto h = checked(answer);
        CHECK((h && h->revision == 2));
    });
    const auto held = checked(f.wait(f.store().load(key, soon())));
    CHECK(held->about.revision == 2);
    CHECK(held->about.expires == now + 66min);
}

TEST_CASE("sessions that are written at once do not mix")
{
    fixture f;
    std::vector<session_key> keys;
    for (int i = 0; i < 64; ++i)
        keys.push_back(f.new_key());
    f.parallel(keys.size(), [&](std::size_t i) -> awaitable<void> {
        for (int n = 0; n < 5; ++n) {
            const std::string payload = std::string(keys[i].name.str()) + std::to_string(n);
            auto changes = plain_changes();
            changes.subject = keys[i].name.str();
            const auto put = co_await f.store().put(keys[i], changes, payload, precondition::none(), f.now, soon());
            CHECK(checked(put).about.subject == *changes.subject);
            const auto answer = co_await f.store().load(keys[i], soon());
            const auto held = checked(answer);
            CHECK((held && held->payload == payload && held->about.subject == *changes.subject));
        }
    });
}

} // namespace coatcheck::conformance
