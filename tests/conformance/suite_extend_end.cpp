// Extensions, tombstones and deadlines.

#include "tests/conformance/fixture.hpp"

namespace coatcheck::conformance {

TEST_CASE("a use is not written while a full idle timeout is left")
{
    fixture f;
    const auto key = f.new_key();
    const head made = f.put(key, "red").about;

    f.now += 6min;
    CHECK(*f.extend(key) == made);
    f.now += 1ms;
    const auto later = f.extend(key);

    REQUIRE(later);
    CHECK(later->revision == made.revision + 1);
    CHECK(later->expires == f.now + 66min);
    CHECK(later->keep_until == f.now + 76min);
    CHECK(later->last_seen == f.now);
    CHECK(later->data_version == made.data_version);
    CHECK(later->created == made.created);
    CHECK(f.load(key)->about == *later);
    CHECK(f.load(key)->payload == "red");
}

TEST_CASE("an extension keeps payload, subject, label and absolute end")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.absolute = 48h;
    changes.subject = "ada";
    changes.label = "phone";
    const std::string payload(10'000, '\0');
    f.put(key, payload, precondition::none(), changes);
    for (int i = 0; i < 5; ++i) {
        f.now += 59min;
        f.extend(key);
    }
    const auto held = f.load(key);
    REQUIRE(held);
    CHECK(held->about.revision == 6);
    CHECK(held->about.subject == "ada");
    CHECK(held->about.label == "phone");
    CHECK((held->payload == payload));
}

TEST_CASE("an extension stops at the absolute end, and is not written again there")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.absolute = 90min;
    const head made = f.put(key, "red", precondition::none(), changes).about;

    f.now += 45min;
    CHECK(f.extend(key)->expires == made.absolute_end);
    f.now += 30min;
    const auto capped = f.extend(key);

    REQUIRE(capped);
    CHECK(capped->expires == made.absolute_end);
    CHECK(capped->revision == 2);
    f.now = made.absolute_end;
    CHECK(f.extend(key)->revision == 2);
    CHECK(refused_by(f.put(key, "blue"), errc::ended));
}

TEST_CASE("an extension says how long the record is remembered past its new end")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    f.now += 30min;
    CHECK(f.extend(key, 2h)->keep_until == f.now + 66min + 2h);
    f.now += 30min;
    CHECK(f.extend(key, 0ms)->keep_until == f.now + 66min);
}

TEST_CASE("a use of a missing session says that there is none and makes none")
{
    fixture f;
    const auto key = f.new_key();
    CHECK(!f.extend(key));
    CHECK(!f.load(key));
}

TEST_CASE("a use of an expired or ended session brings nothing back")
{
    fixture f;
    const auto expired = f.new_key();
    const auto ended = f.new_key();
    const head made = f.put(expired, "red").about;
    f.now = made.expires;
    f.put(ended, "red");
    f.end(ended);

    CHECK(*f.extend(expired) == made);
    const auto tombstone = f.extend(ended);

    REQUIRE(tombstone);
    CHECK(tombstone->what == kind::ended);
    CHECK(refused_by(f.put(expired, "blue"), errc::ended));
    CHECK(refused_by(f.put(ended, "blue"), errc::ended));
}

TEST_CASE("a use of a record past its keep_until changes nothing")
{
    fixture f;
    const auto key = f.new_key();
    f.now = f.put(key, "red").about.keep_until;
    f.extend(key);
    CHECK(refused_by(f.put(key, "blue", precondition::exists()), errc::precondition_failed));
}

TEST_CASE("ending a session leaves a tombstone without payload, subject and label")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.subject = "ada";
    changes.label = "phone";
    const head made = f.put(key, "red", precondition::none(), changes).about;
    f.now += 5min;

    f.end(key, 60s);

    const auto held = f.load(key);
    REQUIRE(held);
    CHECK(held->about.what == kind::ended);
    CHECK(held->about.revision == made.revision + 1);
    CHECK(held->about.created == made.created);
    CHECK(held->about.expires == f.now);
    CHECK(held->about.keep_until == f.now + 60s);
    CHECK(held->about.subject.empty());
    CHECK(held->about.label.empty());
    CHECK(held->payload.empty());
}

TEST_CASE("ending a session that never was refuses the create that comes later")
{
    fixture f;
    const auto key = f.new_key();
    f.end(key, 60s);
    CHECK(f.load(key)->about.what == kind::ended);
    CHECK(f.load(key)->about.revision == 1);
    CHECK(refused_by(f.put(key, "red", precondition::absent()), errc::ended));
    f.now += 60s - 1ms;
    CHECK(refused_by(f.put(key, "red"), errc::ended));
    f.now += 1ms;
    CHECK(f.put(key, "red").what == write::outcome::created);
}

TEST_CASE("a session that is ended twice is remembered for the longer time")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    f.end(key, 10min);
    const auto keep_until = f.now + 10min;
    f.now += 1min;
    f.end(key, 1min);
    CHECK(f.load(key)->about.keep_until == keep_until);
    f.end(key, 20min);
    CHECK(f.load(key)->about.keep_until == f.now + 20min);
    f.now += 20min - 1ms;
    CHECK(refused_by(f.put(key, "blue"), errc::ended));
}

TEST_CASE("a tombstone may be kept for a shorter time than the session would have lived")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    f.end(key, 60s);
    CHECK(f.load(key)->about.keep_until == f.now + 60s);
}

TEST_CASE("an expired session can be ended")
{
    fixture f;
    const auto key = f.new_key();
    f.now = f.put(key, "red").about.expires;
    f.end(key, 20min);
    CHECK(f.load(key)->about.what == kind::ended);
    CHECK(f.load(key)->about.revision == 2);
}

TEST_CASE("a call whose deadline has passed answers errc::timed_out or does its work, and never hangs")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    const auto past = std::chrono::steady_clock::now() - 1s;
    for (int i = 0; i < 10; ++i) {
        const auto loaded = f.wait(f.store().load(key, past));
        if (loaded)
            CHECK(loaded->value().payload == "red");
        else
            CHECK(loaded.error().code == errc::timed_out);
        const auto extended = f.wait(f.store().extend(key, f.now, 10min, past));
        CHECK((extended.has_value() || extended.error().code == errc::timed_out));
        const auto changes = plain_changes();
        const auto written = f.wait(f.store().put(key, changes, "red", precondition::none(), f.now, past));
        CHECK((written.has_value() || written.error().code == errc::timed_out));
    }
    // None of them has hurt the store for the next caller.
    const auto after = f.wait(f.store().load(key, soon()));
    REQUIRE(after.has_value());
    CHECK(after->value().payload == "red");
}

TEST_CASE("a store that answers says so when it is probed")
{
    fixture f;
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

} // namespace coatcheck::conformance
