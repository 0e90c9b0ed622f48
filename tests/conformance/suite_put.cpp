// Writes, one at a time: what each precondition makes of each state of a record, and what the head is afterwards.

#include "tests/conformance/fixture.hpp"

namespace coatcheck::conformance {

namespace {

using outcome = write::outcome;

// Never the version or the revision of a record of these tests.
constexpr version other_version{0xfedcba9876543210};
constexpr std::uint64_t other_revision = 77;

const precondition preconditions[] = {
    precondition::none(),
    precondition::absent(),
    precondition::exists(),
    precondition::matches(other_version),
    precondition::at_revision(other_revision),
};

head_changes without_creation()
{
    auto c = plain_changes();
    c.may_create = false;
    return c;
}

} // namespace

TEST_CASE("a missing session is created by an unconditional write and by one that wants it absent")
{
    fixture f;
    for (const auto& when : {precondition::none(), precondition::absent()}) {
        const auto key = f.new_key();
        CHECK(!f.load(key));

        const write made = f.put(key, "red", when);

        CHECK(made.what == outcome::created);
        CHECK(made.about.revision == 1);
        CHECK(made.about.created == f.now);
        CHECK(made.about.last_seen == f.now);
        CHECK(made.about.idle == 1h);
        CHECK(made.about.expires == f.now + 66min);
        CHECK(made.about.keep_until == f.now + 76min);
        CHECK(made.about.absolute_end == never);
        CHECK(made.about.subject.empty());
        CHECK(made.about.label.empty());
        CHECK(f.load(key)->payload == "red");
    }
}

TEST_CASE("a missing session refuses writes that want one there, and stays missing")
{
    fixture f;
    const auto key = f.new_key();
    for (const auto& when :
         {precondition::exists(), precondition::matches(other_version), precondition::at_revision(1)}) {
        const write w = f.put(key, "red", when);
        CHECK(refused_by(w, errc::precondition_failed));
        CHECK(w.about == head{});
        CHECK(!f.load(key));
    }
}

TEST_CASE("a write that may not create is refused by errc::not_found and replaces what exists")
{
    fixture f;
    const auto key = f.new_key();
    for (const auto& when : {precondition::none(), precondition::absent()}) {
        CHECK(refused_by(f.put(key, "red", when, without_creation()), errc::not_found));
        CHECK(!f.load(key));
    }
    f.put(key, "red");
    CHECK(f.put(key, "blue", precondition::none(), without_creation()).what == outcome::replaced);
    CHECK(f.load(key)->payload == "blue");
}

TEST_CASE("a live session is replaced when nothing is asked, when it must exist and when version or revision match")
{
    fixture f;
    const auto key = f.new_key();
    head last = f.put(key, "0").about;
    const auto created = last.created;
    int n = 0;
    for (const auto& when : {precondition::none(), precondition::exists(), precondition::matches(last.data_version),
                             precondition::at_revision(4)}) {
        f.now += 1min;
        const auto asked =
            when.what() == precondition::test::same_version ? precondition::matches(last.data_version) : when;
        const std::string payload = std::to_string(++n);

        const write w = f.put(key, payload, asked);

        CHECK(w.what == outcome::replaced);
        CHECK(w.about.revision == last.revision + 1);
        CHECK(w.about.data_version != last.data_version);
        CHECK(w.about.created == created);
        CHECK(w.about.expires == f.now + 66min);
        CHECK(f.load(key)->payload == payload);
        last = w.about;
    }
}

TEST_CASE("a live session refuses a creator, a stale version and a stale revision, and shows the head that refused")
{
    fixture f;
    const auto key = f.new_key();
    const head stored = f.put(key, "red").about;
    for (const auto& when : {precondition::absent(), precondition::matches(other_version),
                             precondition::at_revision(other_revision), precondition::at_revision(0)}) {
        const write w = f.put(key, "blue", when);
        CHECK(refused_by(w, errc::precondition_failed));
        CHECK(w.about == stored);
        CHECK(f.load(key)->payload == "red");
        CHECK(f.load(key)->about == stored);
    }
}

TEST_CASE("a stale writer is refused and changes nothing")
{
    fixture f;
    const auto key = f.new_key();
    const version first = f.put(key, "red").about.data_version;
    f.put(key, "blue");

    const write late = f.put(key, "green", precondition::matches(first));

    CHECK(refused_by(late, errc::precondition_failed));
    CHECK(f.load(key)->payload == "blue");
}

TEST_CASE("versions are compared in all their 64 bits")
{
    fixture f;
    for (const std::uint64_t bits : {std::uint64_t{0}, std::uint64_t{1}, (std::uint64_t{1} << 53) + 1,
                                     std::uint64_t{1} << 63, ~std::uint64_t{0}, std::uint64_t{0x0a0d00ff20220a00}}) {
        CAPTURE(bits);
        const auto key = f.new_key();
        auto changes = plain_changes();
        changes.next = version{bits};
        CHECK(f.put(key, "red", precondition::none(), changes).about.data_version.bits == bits);
        for (const std::uint64_t flipped : {bits ^ 1U, bits ^ (std::uint64_t{1} << 63)})
            CHECK(refused_by(f.put(key, "blue", precondition::matches({flipped})), errc::precondition_failed));
        CHECK(f.put(key, "blue", precondition::matches({bits})).what == outcome::replaced);
    }
}

TEST_CASE("an ended session refuses every write by errc::ended while it is remembered")
{
    fixture f;
    const auto key = f.new_key();
    const head live = f.put(key, "red").about;
    f.end(key);
    for (const auto& when : preconditions)
        CHECK(refused_by(f.put(key, "blue", when), errc::ended));
    CHECK(refused_by(f.put(key, "blue", precondition::matches(live.data_version)), errc::ended));
    CHECK(refused_by(f.put(key, "blue", precondition::at_revision(live.revision)), errc::ended));
    CHECK(refused_by(f.put(key, "blue", precondition::none(), without_creation()), errc::ended));
    CHECK(f.load(key)->about.what == kind::ended);
    CHECK(f.load(key)->payload.empty());
}

TEST_CASE("an expired session refuses every write by errc::ended while it is remembered, and can still be read")
{
    fixture f;
    const auto key = f.new_key();
    const head live = f.put(key, "red").about;
    f.now = live.expires - 1ms;
    CHECK(refused_by(f.put(key, "blue", precondition::absent()), errc::precondition_failed));

    f.now = live.expires;

    for (const auto& when : preconditions)
        CHECK(refused_by(f.put(key, "blue", when), errc::ended));
    CHECK(refused_by(f.put(key, "blue", precondition::matches(live.data_version)), errc::ended));
    f.now = live.keep_until - 1ms;
    CHECK(refused_by(f.put(key, "blue"), errc::ended));
    const auto held = f.load(key);
    REQUIRE(held);
    CHECK(held->about == live);
    CHECK(held->payload == "red");
}

TEST_CASE("past its keep_until a record counts as missing, whether the store still holds it or not")
{
    fixture f;
    const auto expired = f.new_key();
    const auto ended = f.new_key();
    const head live = f.put(expired, "red").about;
    f.put(ended, "red");
    f.end(ended);
    f.now = live.keep_until;
    for (const auto& key : {expired, ended}) {
        CHECK(refused_by(f.put(key, "blue", precondition::exists()), errc::precondition_failed));
        CHECK(refused_by(f.put(key, "blue", precondition::matches(live.data_version)), errc::precondition_failed));
        CHECK(refused_by(f.put(key, "blue", precondition::none(), without_creation()), errc::not_found));

        const write again = f.put(key, "blue", precondition::absent());

        CHECK(again.what == outcome::created);
        CHECK(again.about.revision == 1);
        CHECK(again.about.created == f.now);
        CHECK(f.load(key)->payload == "blue");
    }
}

TEST_CASE("what a write does not send keeps its value, and what it sends replaces it")
{
    fixture f;
    const auto key = f.new_key();
    auto first = plain_changes();
    first.idle = 2h;
    first.absolute = 24h;
    first.subject = "ada";
    first.label = "Firefox on Linux";
    const head made = f.put(key, "1", precondition::none(), first).about;
    CHECK(made.idle == 2h);
    CHECK(made.absolute_end == f.now + 24h);

    f.now += 1h;
    auto nothing = plain_changes();
    nothing.default_idle = 5min;
    nothing.default_absolute = 10min;
    const head kept = f.put(key, "2", precondition::none(), nothing).about;
    CHECK(kept.idle == 2h);
    CHECK(kept.absolute_end == made.absolute_end);
    CHECK(kept.subject == "ada");
    CHECK(kept.label == "Firefox on Linux");
    CHECK(kept.expires == f.now + 132min);

    auto second = plain_changes();
    second.idle = 30min;
    second.absolute = 90min;
    second.subject = "";
    second.label = "phone";
    const head changed = f.put(key, "3", precondition::none(), second).about;
    CHECK(changed.idle == 30min);
    CHECK(changed.absolute_end == made.created + 90min);
    CHECK(changed.expires == changed.absolute_end);
    CHECK(changed.keep_until == changed.expires + 10min);
    CHECK(changed.subject.empty());
    CHECK(changed.label == "phone");
    CHECK(f.load(key)->about == changed);
}

TEST_CASE("a creation takes the defaults for what it does not send")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.default_idle = 15min;
    changes.default_absolute = 10min;
    const head made = f.put(key, "1", precondition::absent(), changes).about;
    CHECK(made.idle == 15min);
    CHECK(made.absolute_end == f.now + 10min);
    CHECK(made.expires == made.absolute_end);
}

TEST_CASE("an absolute timeout that a session has outlived ends it with the write that sets it")
{
    fixture f;
    const auto key = f.new_key();
    f.put(key, "1");
    f.now += 30min;
    auto changes = plain_changes();
    changes.absolute = 25min;
    CHECK(f.put(key, "2", precondition::none(), changes).about.expires == f.now);
    CHECK(refused_by(f.put(key, "3"), errc::ended));
    f.load(key);
}

TEST_CASE("sessions of 400 days are kept, and end to the millisecond")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.idle = 400 * 24h;
    changes.absolute = 400 * 24h;
    const head made = f.put(key, "long", precondition::none(), changes).about;
    CHECK(made.expires == f.now + 400 * 24h);
    f.now += 399 * 24h;
    CHECK(f.load(key)->payload == "long");
    f.now = made.expires - 1ms;
    CHECK(f.put(key, "longer", precondition::exists()).what == outcome::replaced);
    f.now = made.expires;
    CHECK(refused_by(f.put(key, "too long"), errc::ended));
}

TEST_CASE("each key has its own record")
{
    fixture f;
    std::vector<session_key> keys;
    for (int i = 0; i < 200; ++i) {
        keys.push_back(f.new_key());
        f.put(keys.back(), "value of " + std::string(keys.back().name.str()));
    }
    for (std::size_t i = 0; i < keys.size(); i += 3)
        f.end(keys[i]);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto held = f.load(keys[i]);
        REQUIRE(held);
        CHECK(held->payload == (i % 3 == 0 ? "" : "value of " + std::string(keys[i].name.str())));
    }
}

TEST_CASE("handles that differ in case or in one character are different keys")
{
    fixture f;
    std::vector<session_key> keys;
    // A key of this test alone, in a store that others use too.
    const std::string tail(f.new_key().name.str().substr(10));
    for (const std::string start : {"aaaaaaaaaa", "Aaaaaaaaaa", "aaaaaaaaaA", "-_-_-_-_-_", "_-_-_-_-_-"})
        keys.push_back({handle(start + tail), std::nullopt});
    for (const auto& key : keys)
        f.put(key, key.name.str());
    for (const auto& key : keys)
        CHECK(f.load(key)->payload == key.name.str());
}

} // namespace coatcheck::conformance
