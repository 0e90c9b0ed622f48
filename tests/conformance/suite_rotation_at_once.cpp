// Rotations at once, among writes and ends, by two daemons.

#include "tests/conformance/daemon_over.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coatcheck::conformance {

namespace {

bool has(const record& r, const std::string& line)
{
    return r.payload.find(line + "\n") != std::string::npos;
}

} // namespace

TEST_CASE("rotation: of many at once with grace all answer the same id")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 3; ++round) {
        const auto old = new_ticket();
        const auto next = new_tickets(16);
        CHECK(daemons[0].put(old, "red").has_value());
        std::vector<std::string> answers(next.size());
        f.parallel(next.size(), [&](std::size_t i) -> awaitable<void> {
            const auto done = co_await daemons[i / 8].store().rotate(from_to(old, next[i], 30s), {}, f.now);
            answers[i] = answer_of(done);
        });
        CHECK(std::set(answers.begin(), answers.end()).size() == 1);
        for (const auto& t : next)
            CHECK(daemons[0].look(t).has_value() == (t.id == answers[0]));
        CHECK(daemons[1].payload(old) == "red");
    }
}

TEST_CASE("rotation: of many at once without grace one is done, and the others find the session over")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 3; ++round) {
        const auto old = new_ticket();
        const auto next = new_tickets(16);
        CHECK(daemons[0].put(old, "red").has_value());
        std::vector<std::string> answers(next.size());
        f.parallel(next.size(), [&](std::size_t i) -> awaitable<void> {
            const auto done = co_await daemons[i / 8].store().rotate(from_to(old, next[i], 0s), {}, f.now);
            answers[i] = answer_of(done);
        });
        CHECK(std::ranges::count(answers, over) == 15);
        for (std::size_t i = 0; i < next.size(); ++i) {
            CHECK((answers[i] == over || answers[i] == next[i].id));
            CHECK(daemons[0].look(next[i]).has_value() == (answers[i] == next[i].id));
        }
        CHECK(!daemons[1].look(old));
    }
}

TEST_CASE("rotation: of many at once to one id all answer that")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 6; ++round) {
        const auto grace = round % 2 == 0 ? 30s : 0s;
        const auto old = new_ticket();
        const auto next = new_ticket();
        CHECK(daemons[0].put(old, "red").has_value());
        f.parallel(16, [&](std::size_t i) -> awaitable<void> {
            const auto done = co_await daemons[i / 8].store().rotate(from_to(old, next, grace), {}, f.now);
            CHECK(answer_of(done) == next.id);
        });
        CHECK(daemons[0].payload(next) == "red");
        CHECK(daemons[1].look(old).has_value() == (grace > 0s));
    }
}

TEST_CASE("rotation: a login among rotations with grace leaves no old id that leads to it")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 5; ++round) {
        const auto old = new_ticket();
        const auto next = new_tickets(8);
        CHECK(daemons[0].put(old, "red").has_value());
        std::string login;
        f.parallel(next.size(), [&](std::size_t i) -> awaitable<void> {
            session_settings settings;
            if (i == 5)
                settings.subject = "ada";
            const auto done =
                co_await daemons[i / 4].store().rotate(from_to(old, next[i], 30s), std::move(settings), f.now);
            if (i == 5)
                login = answer_of(done);
        });
        CHECK(login == next[5].id);
        CHECK(daemons[0].look(next[5]).value_or(record()).about.subject == "ada");
        CHECK(!daemons[0].look(old));
        for (std::size_t i = 0; i < next.size(); ++i)
            CHECK((i == 5 || !daemons[1].look(next[i])));
    }
}

// With grace, an end of the old id comes before the rotation, or goes through the alias. Without, it may come after:
// then the old id is over, and the session somebody else's.
TEST_CASE("rotation: an end of the old id meanwhile leaves nothing with grace, and at most the winner's without")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 6; ++round) {
        const auto grace = round % 2 == 0 ? 30s : 0s;
        const auto old = new_ticket();
        const auto next = new_tickets(7);
        CHECK(daemons[0].put(old, "red").has_value());
        std::vector<std::string> answers(next.size());
        f.parallel(8, [&](std::size_t i) -> awaitable<void> {
            auto& store = daemons[i % 2].store();
            if (i == 7) {
                const auto done = co_await store.end(old.key, f.now);
                CHECK(done.has_value());
            } else {
                const auto done = co_await store.rotate(from_to(old, next[i], grace), {}, f.now);
                answers[i] = answer_of(done);
            }
        });
        CHECK(!daemons[0].look(old));
        for (std::size_t i = 0; i < next.size(); ++i)
            CHECK(daemons[0].look(next[i]).has_value() == (grace == 0s && answers[i] == next[i].id));
        CHECK(std::ranges::count(answers, over) >= (grace == 0s ? 6 : 0));
    }
}

TEST_CASE("rotation: an end of the new id meanwhile is not undone")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (int round = 0; round < 8; ++round) {
        const auto old = new_ticket();
        const auto next = new_ticket();
        CHECK(daemons[0].put(old, "red").has_value());
        std::string answer;
        f.parallel(2, [&](std::size_t i) -> awaitable<void> {
            if (i == 0) {
                const auto done = co_await daemons[0].store().rotate(from_to(old, next, 30s), {}, f.now);
                answer = answer_of(done);
            } else {
                const auto done = co_await daemons[1].store().end(next.key, f.now);
                CHECK(done.has_value());
            }
        });
        CHECK(!daemons[0].look(next));
        const bool never_rotated = answer == problem_of(errc::precondition_failed).urn;
        CHECK(daemons[1].look(old).has_value() == never_rotated);
    }
}

TEST_CASE("rotation: no patch meanwhile is lost, through whichever id it came")
{
    fixture f;
    std::array<daemon_over, 2> daemons{daemon_over(f), daemon_over(f)};
    for (const auto grace : {30s, 0s}) {
        const auto ids = new_tickets(4);
        CHECK(daemons[0].put(ids[0], "").has_value());
        std::mutex mutex;
        std::vector<std::string> acknowledged;
        f.parallel(9, [&](std::size_t i) -> awaitable<void> {
            auto& store = daemons[i % 2].store();
            if (i == 8) {
                for (std::size_t n = 0; n + 1 < ids.size(); ++n) {
                    const auto done = co_await store.rotate(from_to(ids[n], ids[n + 1], grace), {}, f.now);
                    CHECK(answer_of(done) == ids[n + 1].id);
                }
                co_return;
            }
            for (int n = 0; n < 6; ++n) {
                const std::string line = std::to_string(i) + "." + std::to_string(n);
                const auto done = co_await store.patch(ids[i % 3].key, adding(line), {}, f.now);
                const std::lock_guard hold(mutex);
                if (done && done->done.what == write::outcome::replaced)
                    acknowledged.push_back(line);
                else if (grace > 0s && i % 3 == 0)
                    CHECK_MESSAGE(false, "the first id leads to the session all the time");
            }
        });
        const auto last = daemons[1].look(ids.back());
        REQUIRE(last);
        for (const auto& line : acknowledged)
            CHECK_MESSAGE(has(*last, line), line);
    }
}

TEST_CASE("rotation: a save over the version that was read is refused if that changed, through whichever id it comes")
{
    fixture f;
    daemon_over d(f);
    for (int round = 0; round < 4; ++round) {
        const auto old = new_ticket();
        const auto next = new_ticket();
        const auto first = d.put(old, "red")->about.data_version;
        std::array<std::string, 4> saved;
        f.parallel(5, [&](std::size_t i) -> awaitable<void> {
            if (i == 4) {
                const auto done = co_await d.store().rotate(from_to(old, next, 30s), {}, f.now);
                CHECK(answer_of(done) == next.id);
                co_return;
            }
            const std::string payload = "saved by " + std::to_string(i);
            const auto done = co_await d.store().put(old.key, payload, {}, precondition::matches(first), f.now);
            CHECK(done.has_value());
            if (done && done->what == write::outcome::replaced)
                saved[i] = payload;
        });
        CHECK(std::ranges::count(saved, "") == 3);
        const auto kept = d.payload(next);
        CHECK(std::ranges::count(saved, kept) == 1);
    }
}

} // namespace coatcheck::conformance
