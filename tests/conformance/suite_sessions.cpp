// Subjects, leases and the epoch over each store, by two daemons.

#include "tests/conformance/daemon_over.hpp"

namespace coatcheck::conformance {

namespace {

session_settings of(const std::string& subject)
{
    session_settings s;
    s.subject = subject;
    return s;
}

std::string new_subject()
{
    return "user " + make_session_id();
}

struct two_daemons {
    fixture f;
    daemon_over first{f};
    daemon_over second{f};

    ticket log_in(const std::string& subject)
    {
        const ticket t = new_ticket();
        const auto done = f.wait(first.store().put(t.key, "red", of(subject), precondition::absent(), f.now));
        REQUIRE(done.has_value());
        CHECK(done->what == write::outcome::created);
        return t;
    }

    std::vector<handle> list(daemon_over& by, const std::string& subject)
    {
        const auto page = f.wait(by.store().by_subject().list(subject, "", 100, f.now));
        REQUIRE_MESSAGE(page.has_value(), page.error().code, " ", page.error().detail);
        std::vector<handle> names;
        for (const auto& each : page->sessions)
            names.push_back(each.at.name);
        return names;
    }

    std::size_t end_all(const std::string& subject, const ticket* spared = nullptr)
    {
        const auto done = f.wait(second.store().by_subject().end_all(
            subject, spared != nullptr ? &spared->key : nullptr, std::nullopt, f.now));
        REQUIRE_MESSAGE(done.has_value(), done.error().code, " ", done.error().detail);
        return *done;
    }

    // Whether the store keeps a list of them; if not it says so.
    bool lists_subjects()
    {
        if (first.store().caps().lists_subjects)
            return true;
        const auto refused = f.wait(first.store().by_subject().list("ada", "", 100, f.now));
        REQUIRE(refused.has_error());
        CHECK(refused.error().code == errc::unsupported);
        const ticket t = log_in("ada");
        CHECK(first.look(t)->about.subject == "ada");
        return false;
    }
};

} // namespace

TEST_CASE("subjects: a user's sessions are listed, and end everywhere, by any daemon")
{
    two_daemons d;
    if (!d.lists_subjects())
        return;
    const auto subject = new_subject();
    std::vector<ticket> mine;
    for (int i = 0; i < 4; ++i)
        mine.push_back(d.log_in(subject));
    const ticket other = d.log_in(new_subject());
    d.first.end(mine[1]);
    const ticket moved = new_ticket();
    REQUIRE(d.first.rotate(mine[2], moved, 60s).has_value());

    CHECK(d.list(d.second, subject) == std::vector{moved.key.name, mine[3].key.name, mine[0].key.name});
    CHECK(d.end_all(subject, &mine[3]) == 2);
    CHECK(d.list(d.first, subject) == std::vector{mine[3].key.name});
    CHECK(d.end_all(subject) == 1);
    for (const auto& t : {mine[0], mine[2], mine[3], moved}) {
        CHECK(!d.first.look(t));
        const auto late = d.first.put(t, "late");
        CHECK((late ? late->why : late.error().code) == errc::ended);
    }
    CHECK(d.first.look(other));
    CHECK(d.list(d.first, subject).empty());
}

TEST_CASE("subjects: a login in flight does not escape the end of all")
{
    two_daemons d;
    if (!d.lists_subjects())
        return;
    const auto subject = new_subject();
    const ticket late = new_ticket();
    // Its entry is written, its record is not.
    subject_index index(d.f.store());
    REQUIRE(d.f.wait(index.add(subject, late.key.name, 1h, d.f.now, soon())).has_value());
    CHECK(d.list(d.first, subject).empty());
    d.end_all(subject);
    CHECK(
        refused_by(d.f.wait(d.first.store().put(late.key, "red", of(subject), precondition::absent(), d.f.now)).value(),
                   errc::ended));
}

TEST_CASE("subjects: an entry whose session never came is dropped after a minute, and no sooner")
{
    two_daemons d;
    if (!d.lists_subjects())
        return;
    const auto subject = new_subject();
    const ticket never_came = new_ticket();
    subject_index index(d.f.store());
    REQUIRE(d.f.wait(index.add(subject, never_came.key.name, 1h, d.f.now, soon())).has_value());
    d.f.now += 59s;
    CHECK(d.list(d.first, subject).empty());
    CHECK(d.f.wait(index.list(subject, d.f.now, soon()))->size() == 1);
    d.f.now += 1s;
    CHECK(d.list(d.first, subject).empty());
    CHECK(d.f.wait(index.list(subject, d.f.now, soon()))->empty());
    // The session may still come: then the next login, or its own use, puts it back.
    CHECK(d.f.wait(d.first.store().put(never_came.key, "red", of(subject), precondition::none(), d.f.now)).has_value());
    CHECK(d.list(d.first, subject) == std::vector{never_came.key.name});
}

TEST_CASE("subjects: of parallel logins none is lost from the list")
{
    two_daemons d;
    if (!d.lists_subjects())
        return;
    const auto subject = new_subject();
    const auto tickets = new_tickets(12);
    d.f.parallel(tickets.size(), [&](std::size_t i) -> awaitable<void> {
        auto& by = i % 2 == 0 ? d.first : d.second;
        const auto done = co_await by.store().put(tickets[i].key, "red", of(subject), precondition::absent(), d.f.now);
        CHECK(done.has_value());
    });
    CHECK(d.list(d.first, subject).size() == tickets.size());
    CHECK(d.end_all(subject) == tickets.size());
    for (const auto& t : tickets)
        CHECK(!d.second.look(t));
}

TEST_CASE("locks: one holder at a time, through two daemons, and each token is larger than the last")
{
    two_daemons d;
    if (d.f.store().caps().conditional_writes == kept_by::daemon)
        return; // for one daemon only
    const ticket t = new_ticket();
    d.first.put(t, "");
    std::vector<std::uint64_t> tokens;
    std::atomic<int> holders = 0;
    d.f.parallel(8, [&](std::size_t i) -> awaitable<void> {
        sessions& store = (i % 2 == 0 ? d.first : d.second).store();
        const auto locked = co_await store.lock(t.key, 60s, 30s, d.f.now);
        REQUIRE(locked.has_value());
        REQUIRE(locked->what == write::outcome::replaced);
        CHECK(++holders == 1);
        tokens.push_back(locked->about.lock_token);
        session_settings mine;
        mine.lock_token = locked->about.lock_token;
        const auto written = co_await store.patch(t.key, adding(std::to_string(i)), mine, d.f.now);
        CHECK(written.has_value());
        --holders;
        const auto done = co_await store.unlock(t.key, locked->about.lock_token, d.f.now);
        CHECK(done.has_value());
    });
    CHECK(tokens.size() == 8);
    CHECK(std::ranges::is_sorted(tokens));
    CHECK(d.first.payload(t).size() == 16);
}

TEST_CASE("locks: a crashed holder costs its lease, a late write of its is refused, and a logout is not held up")
{
    two_daemons d;
    const ticket t = new_ticket();
    d.first.put(t, "red");
    const auto crashed = d.f.wait(d.first.store().lock(t.key, 1s, 0s, d.f.now));
    REQUIRE(crashed.has_value());
    CHECK(refused_by(d.first.put(t, "blue").value(), errc::locked));
    CHECK(refused_by(d.f.wait(d.first.store().lock(t.key, 1s, 0s, d.f.now)).value(), errc::locked));
    d.f.now += 1s;
    const auto next = d.f.wait(d.first.store().lock(t.key, 1min, 0s, d.f.now));
    REQUIRE(next.has_value());
    CHECK(next->about.lock_token > crashed->about.lock_token);
    session_settings late;
    late.lock_token = crashed->about.lock_token;
    CHECK(refused_by(d.f.wait(d.first.store().put(t.key, "late", late, precondition::none(), d.f.now)).value(),
                     errc::locked));
    CHECK(d.first.payload(t) == "red");
    d.first.end(t);
    CHECK(!d.first.look(t));
}

TEST_CASE("end-all: every session that was created before is over, whatever writes come")
{
    two_daemons d;
    // Long before the sessions of other tests in the same store.
    d.f.now -= 1h;
    const ticket old = new_ticket();
    d.first.put(old, "red");
    d.f.now += 1h - 1ms;
    const ticket fresh = new_ticket();
    d.first.put(fresh, "blue");

    REQUIRE(d.f.wait(d.first.store().end_all(d.f.now - 30min, d.f.now)).has_value());

    daemon_over later(d.f);
    for (daemon_over* by : {&d.first, &later}) {
        CHECK(!by->look(old));
        CHECK(refused_by(by->put(old, "late").value(), errc::ended));
        CHECK(d.f.wait(by->store().touch(old.key, d.f.now)).error().code == errc::ended);
        CHECK(by->payload(fresh) == "blue");
    }
    // It never goes back.
    REQUIRE(d.f.wait(d.first.store().end_all(d.f.now - 2h, d.f.now)).has_value());
    CHECK(!daemon_over(d.f).look(old));
}

} // namespace coatcheck::conformance
