// Swaps, and the locks and epochs that writes respect: what rotation, leases and end-all are made of.

#include "tests/conformance/fixture.hpp"

namespace coatcheck::conformance {

namespace {

// What a caller makes of a head that it read.
head after(const head& seen, kind what = kind::live)
{
    head next = seen;
    next.what = what;
    next.revision += 1;
    return next;
}

head first_head(time_point now)
{
    head h = apply(nullptr, plain_changes(), now);
    h.what = kind::pending;
    h.lock_token = (std::uint64_t{1} << 53) - 1;
    h.locked_until = now + 30s;
    h.subject = "ada";
    h.label = "pc";
    return h;
}

} // namespace

TEST_CASE("a swap stores the head as it is given, and a payload or the one there was")
{
    fixture f;
    const auto key = f.new_key();
    head h = first_head(f.now);
    CHECK(f.swap(key, std::nullopt, h, "red"));
    CHECK(f.load(key)->payload == "red");

    for (const kind what : {kind::live, kind::alias, kind::pending, kind::live}) {
        head next = after(h, what);
        next.label = "phone";
        next.subject = what == kind::alias ? "" : "grace";
        next.lock_token += 1;
        next.expires += 1h;
        next.keep_until += 2h;
        next.absolute_end = f.now + 24h;
        CHECK(f.swap(key, h, next, std::nullopt));
        CHECK(f.load(key)->payload == "red");
        h = next;
    }
    const head last = after(h);
    CHECK(f.swap(key, h, last, std::string(5000, 'x')));
    CHECK(f.load(key)->payload.size() == 5000);
    CHECK(f.swap(key, last, after(last), ""));
    CHECK(f.load(key)->payload.empty());
}

TEST_CASE("a swap of what has changed since it was read does nothing")
{
    fixture f;
    const auto key = f.new_key();
    CHECK_FALSE(f.swap(key, first_head(f.now), after(first_head(f.now)), "red"));
    CHECK(!f.load(key));

    const head seen = f.put(key, "red").about;
    CHECK_FALSE(f.swap(key, std::nullopt, first_head(f.now), "blue"));
    head other = seen;
    other.data_version = {seen.data_version.bits + 1};
    CHECK_FALSE(f.swap(key, other, after(other), "blue"));
    other = seen;
    other.revision += 1;
    CHECK_FALSE(f.swap(key, other, after(other), std::nullopt));
    CHECK(f.load(key)->payload == "red");

    f.put(key, "blue");
    CHECK_FALSE(f.swap(key, seen, after(seen), "green"));
    f.end(key);
    CHECK_FALSE(f.swap(key, seen, after(seen), "green"));
    CHECK(f.load(key)->about.what == kind::ended);
}

TEST_CASE("past its keep_until a record counts as missing for a swap")
{
    fixture f;
    const auto key = f.new_key();
    // Beyond the store's own clock, so that it may still hold the record.
    const head seen = f.put(key, "red").about;
    f.now = seen.keep_until;
    CHECK_FALSE(f.swap(key, seen, after(seen), "blue"));
    CHECK(f.swap(key, std::nullopt, first_head(f.now), "blue"));
    CHECK(f.load(key)->payload == "blue");
}

TEST_CASE("a swap to a tombstone is an end that knows what it ends")
{
    fixture f;
    const auto key = f.new_key();
    const head seen = f.put(key, "red").about;
    CHECK(f.swap(key, seen, tombstone(&seen, f.now, f.now + 60s), ""));
    CHECK(f.load(key)->about.what == kind::ended);
    CHECK(refused_by(f.put(key, "blue"), errc::ended));
}

TEST_CASE("aliases and records that are pending refuse every write as ended")
{
    fixture f;
    for (const kind what : {kind::alias, kind::pending}) {
        const auto key = f.new_key();
        head h = first_head(f.now);
        h.what = what;
        CHECK(f.swap(key, std::nullopt, h, "red"));
        for (const auto& when : {precondition::none(), precondition::absent(), precondition::exists(),
                                 precondition::matches(h.data_version), precondition::at_revision(1)}) {
            const write w = f.put(key, "blue", when);
            CHECK(refused_by(w, errc::ended));
            CHECK(w.about == h);
        }
        f.extend(key);
        CHECK(f.load(key)->payload == "red");
    }
}

TEST_CASE("an end says what was there, and leaves an alias as it is")
{
    fixture f;
    const auto key = f.new_key();
    CHECK(!f.end(key));
    CHECK(f.end(key)->what == kind::ended);

    const auto other = f.new_key();
    head h = f.put(other, "red").about;
    head alias = after(h, kind::alias);
    CHECK(f.swap(other, h, alias, "blue"));
    CHECK(f.end(other) == alias);
    CHECK(f.load(other)->payload == "blue");
    f.now = alias.keep_until;
    CHECK(!f.end(other, 10min));
    CHECK(f.load(other)->about.what == kind::ended);
}

TEST_CASE("a record may be kept for ten years")
{
    fixture f;
    const auto key = f.new_key();
    head h = first_head(f.now);
    h.expires = never;
    h.keep_until = f.now + std::chrono::years{10};
    CHECK(f.swap(key, std::nullopt, h, "red"));
    CHECK(f.load(key)->payload == "red");
    const head next = after(h);
    CHECK(f.swap(key, h, next, "blue"));
    CHECK(f.load(key)->payload == "blue");
}

TEST_CASE("of swaps at once from one head one is done")
{
    fixture f;
    const auto key = f.new_key();
    const head seen = f.put(key, "red").about;
    std::atomic<int> done = 0;
    f.parallel(16, [&](std::size_t i) -> awaitable<void> {
        head next = after(seen);
        next.lock_token = i + 1;
        const auto answer = co_await f.store().swap(key, &seen, next, std::nullopt, f.now, soon());
        CHECK(answer.has_value());
        done += answer.has_value() && *answer;
    });
    CHECK(done == 1);
}

TEST_CASE("a lease keeps writers without its token out, and ends by itself")
{
    fixture f;
    const auto key = f.new_key();
    const head seen = f.put(key, "red").about;
    head locked = after(seen);
    locked.lock_token = 1'800'000'000'000;
    locked.locked_until = f.now + 30s;
    CHECK(f.swap(key, seen, locked, std::nullopt));

    const write refused = f.put(key, "blue");
    CHECK(refused_by(refused, errc::locked));
    CHECK(refused.about == locked);
    CHECK(refused_by(f.put(key, "blue", precondition::exists()), errc::locked));
    CHECK(refused_by(f.put(key, "blue", precondition::absent()), errc::precondition_failed));
    head_changes with_token = plain_changes();
    with_token.lock_token = locked.lock_token - 1;
    CHECK(refused_by(f.put(key, "blue", precondition::none(), with_token), errc::locked));
    with_token.lock_token = locked.lock_token;
    CHECK(f.put(key, "blue", precondition::none(), with_token).what == write::outcome::replaced);
    CHECK(f.load(key)->about.locked_until == locked.locked_until);

    f.now += 30s;
    with_token.next = make_version();
    CHECK(f.put(key, "green", precondition::none(), with_token).what == write::outcome::replaced);
    CHECK(f.put(key, "white").what == write::outcome::replaced);
    with_token.lock_token = locked.lock_token + 1;
    CHECK(refused_by(f.put(key, "blue", precondition::none(), with_token), errc::locked));
}

TEST_CASE("a session that was created before the epoch refuses writes as ended, and its use brings nothing back")
{
    fixture f;
    const auto key = f.new_key();
    const head seen = f.put(key, "red").about;
    head_changes changes = plain_changes();
    changes.epoch = seen.created;
    CHECK(f.put(key, "blue", precondition::none(), changes).what == write::outcome::replaced);
    changes.next = make_version();
    changes.epoch = seen.created + 1ms;
    for (const auto& when : {precondition::none(), precondition::absent(), precondition::exists()}) {
        const write w = f.put(key, "green", when, changes);
        CHECK(refused_by(w, errc::ended));
        CHECK(w.about.created == seen.created);
    }
    CHECK(f.put(f.new_key(), "new", precondition::none(), changes).what == write::outcome::created);
}

} // namespace coatcheck::conformance
