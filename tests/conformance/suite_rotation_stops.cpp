// Rotation by daemons that stop at any of their calls to the store: whatever they leave, the daemons that go on find
// one session, under the old id or the new one, and can do with it what they like.

#include "tests/conformance/daemon_over.hpp"

#include <functional>
#include <utility>

namespace coatcheck::conformance {

namespace {

struct asked {
    const char* name;
    std::chrono::seconds grace;
    bool login;
    bool leaves_alias() const { return grace > 0s && !login; }
};

constexpr asked ways[] = {{"without grace", 0s, false}, {"with grace", 30s, false}, {"login", 30s, true}};

// A session under `old` that is on its way to `next`, with what everybody must find of it.
class journey {
public:
    journey(fixture& f, const asked& way) : f_(f), way_(way), before_(first_head(f.now))
    {
        const auto done = f.wait(f.store().swap(old.key, nullptr, before_, "red", f.now, soon()));
        CHECK((done && *done));
    }

    // By a daemon that stops after `calls` calls; false if it came to the end. Whatever it answers, that is lost.
    bool rotate(unsigned calls, last_call last)
    {
        stopping_backend store(f_.store(), calls, last);
        lookup places(store, [](const handle&) {});
        rotation wanted = from_to(old, next, way_.grace);
        wanted.changes = changes();
        wanted.announce = nobody_listens;
        static_cast<void>(f_.wait(coatcheck::rotate(store, places, wanted, f_.now, soon())));
        return store.stopped();
    }

    // The same rotation by a daemon that works.
    result<rotated> repeat(daemon_over& d) { return d.rotate(old, next, way_.grace, settings()); }
    result<rotated> go_elsewhere(daemon_over& d, const ticket& t) { return d.rotate(old, t, way_.grace, settings()); }

    // There is one session, and it is whole. Returns the id that leads to it, the new one if both do.
    const ticket& check(daemon_over& d) const
    {
        const auto by_old = d.look(old);
        const auto by_new = d.look(next);
        REQUIRE((by_old || by_new));
        if (!way_.leaves_alias())
            CHECK(by_old.has_value() != by_new.has_value());
        if (by_old && by_new)
            CHECK(*by_old == *by_new);
        for (const auto* found : {&by_old, &by_new})
            if (*found)
                check_whole(**found);
        // A session is one: what is written through one id is read through every other that leads anywhere.
        const ticket& writer = by_new ? next : old;
        const auto written = d.put(writer, "blue", precondition::matches(before_.data_version));
        CHECK((written && written->what == write::outcome::replaced));
        for (const auto* t : {&old, &next})
            if (const auto found = d.look(*t))
                CHECK(found->payload == "blue");
        return writer;
    }

    // No id leads anywhere any more, and no write changes that.
    void check_over(daemon_over& d) const
    {
        for (int i = 0; i < 2; ++i) {
            for (const auto* t : {&old, &next}) {
                CHECK(!d.look(*t));
                const auto written = d.put(*t, "back", precondition::exists());
                CHECK((!written || written->what == write::outcome::refused));
                const auto rotated = d.rotate(*t, new_ticket(), 30s);
                CHECK(!rotated.has_value());
            }
        }
        const auto written = d.put(old, "back");
        CHECK((written.has_error() ? written.error().code : written->why) == errc::ended);
        CHECK(!d.look(old));
    }

    const ticket old = new_ticket();
    const ticket next = new_ticket();

private:
    static head first_head(time_point now)
    {
        head h = apply(nullptr, plain_changes(), now);
        h.label = "pc";
        h.absolute_end = now + 24h;
        h.lock_token = 1'800'000'000'000;
        h.locked_until = now - 1ms;
        return h;
    }

    session_settings settings() const
    {
        session_settings s;
        if (way_.login)
            s.subject = "ada";
        return s;
    }

    head_changes changes() const
    {
        head_changes c = plain_changes();
        c.subject = settings().subject;
        return c;
    }

    void check_whole(const record& found) const
    {
        CHECK(found.payload == "red");
        CHECK(found.about.what == kind::live);
        CHECK(found.about.data_version == before_.data_version);
        CHECK(found.about.created == before_.created);
        CHECK(found.about.absolute_end == before_.absolute_end);
        CHECK(found.about.label == before_.label);
        CHECK(found.about.lock_token == before_.lock_token);
    }

    fixture& f_;
    const asked& way_;
    const head before_;
};

// `after` sees what each kind of rotation leaves that stops at each of its calls.
void at_each_stop(fixture& f, const std::function<void(journey&)>& after)
{
    for (const auto& way : ways)
        for (const auto last : {last_call::not_done, last_call::answer_lost, last_call::answer_lost_alone})
            for (unsigned calls = 0;; ++calls) {
                CAPTURE(way.name);
                CAPTURE(calls);
                CAPTURE(static_cast<int>(last));
                REQUIRE(calls < 20);
                journey j(f, way);
                if (!j.rotate(calls, last))
                    break;
                after(j);
            }
}

bool leads_to(const result<rotated>& r, const ticket& t)
{
    return r && r->done.what == write::outcome::replaced && r->id == t.id;
}

} // namespace

TEST_CASE("rotation: wherever it stops there is one session, whole, under the old id or the new one")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) { j.check(d); });
}

TEST_CASE("rotation: wherever it stops it can be repeated to the same id")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) {
        CHECK(leads_to(j.repeat(d), j.next));
        CHECK(leads_to(j.repeat(d), j.next));
        CHECK(&j.check(d) == &j.next);
    });
}

TEST_CASE("rotation: wherever it stops, and whoever read or wrote then, it can be repeated to the same id")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) {
        j.check(d);
        CHECK(leads_to(j.repeat(d), j.next));
        CHECK(d.payload(j.next) == "blue");
    });
}

TEST_CASE("rotation: wherever it stops, one to another id leads to that, or the first was done")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) {
        const bool was_done = d.look(j.next).has_value();
        const bool leads_on = d.look(j.old).has_value();
        const auto other = new_ticket();
        const auto done = j.go_elsewhere(d, other);
        if (!was_done) {
            CHECK(leads_to(done, other));
            CHECK(d.payload(other) == "red");
            CHECK(!d.look(j.next));
        } else if (leads_on) {
            CHECK(leads_to(done, j.next));
            CHECK(!d.look(other));
        } else {
            CHECK(!done.has_value());
            CHECK(!d.look(other));
            CHECK(d.look(j.next));
        }
    });
}

TEST_CASE("rotation: wherever it stops, an end by an id that leads to the session ends it for good")
{
    fixture f;
    daemon_over d(f);
    for (const bool by_old : {true, false})
        at_each_stop(f, [&](journey& j) {
            const auto& by = by_old ? j.old : j.next;
            const auto& other = by_old ? j.next : j.old;
            const bool led = d.look(by).has_value();
            d.end(by);
            if (led) {
                j.check_over(d);
                CHECK(!j.repeat(d).has_value());
                j.check_over(d);
            } else {
                CHECK(!d.look(by));
                CHECK(d.payload(other) == "red");
            }
        });
}

TEST_CASE("rotation: wherever it stops, an end that nobody read before ends the session as well")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) {
        d.end(j.old);
        d.end(j.next);
        j.check_over(d);
    });
}

TEST_CASE("rotation: an end through an alias that stops has ended the session or not, and can be repeated")
{
    fixture f;
    daemon_over d(f);
    for (const auto last : {last_call::not_done, last_call::answer_lost})
        for (unsigned calls = 0; calls < 8; ++calls) {
            CAPTURE(calls);
            journey j(f, ways[1]);
            CHECK(leads_to(j.repeat(d), j.next));
            daemon_over stops(f, calls, last);
            static_cast<void>(f.wait(stops.store().end(j.old.key, f.now)));
            CHECK(d.look(j.old) == d.look(j.next));
            d.end(j.old);
            j.check_over(d);
        }
}

TEST_CASE("rotation: wherever it stops, and the next one stops too, there is one session")
{
    fixture f;
    daemon_over d(f);
    constexpr unsigned most_calls = 5;
    for (const auto& way : ways)
        for (unsigned first = 0; first < most_calls; ++first)
            for (unsigned second = 0;; ++second) {
                CAPTURE(way.name);
                CAPTURE(first);
                CAPTURE(second);
                REQUIRE(second < 60);
                journey j(f, way);
                j.rotate(first, last_call::answer_lost);
                const bool stopped = j.rotate(second, last_call::not_done);
                if (second % 2 == 0)
                    j.check(d);
                else
                    CHECK(leads_to(j.repeat(d), j.next));
                if (!stopped)
                    break;
            }
}

TEST_CASE("rotation: a reader that stops leaves the session as it found it")
{
    fixture f;
    daemon_over d(f);
    for (const auto last : {last_call::not_done, last_call::answer_lost})
        for (unsigned calls = 0; calls < 4; ++calls)
            at_each_stop(f, [&](journey& j) {
                CAPTURE(calls);
                stopping_backend store(f.store(), calls, last);
                lookup places(store, [](const handle&) {});
                static_cast<void>(f.wait(places.find(j.next.key, {}, f.now, soon())));
                j.check(d);
            });
}

TEST_CASE("rotation: a pending record of another session that stopped does not keep an id for ever")
{
    fixture f;
    daemon_over d(f);
    at_each_stop(f, [&](journey& j) {
        f.now += 1min;
        const auto stranger = new_ticket();
        CHECK(d.put(stranger, "green").has_value());
        const auto done = d.rotate(stranger, j.next, 0s);
        const bool was_done = d.payload(j.next) == "red";
        if (was_done) {
            CHECK((done && refused_by(done->done, errc::precondition_failed)));
            CHECK(d.payload(stranger) == "green");
            j.check(d);
        } else {
            CHECK(leads_to(done, j.next));
            CHECK(d.payload(j.next) == "green");
            CHECK(d.payload(j.old) == "red");
            CHECK(!leads_to(j.repeat(d), j.next));
        }
    });
}

} // namespace coatcheck::conformance
