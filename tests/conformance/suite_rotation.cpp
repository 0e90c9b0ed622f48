// Rotation by daemons that work, one call at a time.

#include "proto/rotated_record.hpp"
#include "tests/conformance/daemon_over.hpp"

namespace coatcheck::conformance {

namespace {

bool ended(const result<rotated>& r)
{
    return answer_of(r) == over;
}

bool refused(const result<rotated>& r, errc why)
{
    return r && refused_by(r->done, why);
}

bool ended(const result<write>& w)
{
    return w ? refused_by(*w, errc::ended) : w.error().code == errc::ended;
}

} // namespace

TEST_CASE("rotation: everything but the id, the times of use and the revision carries over")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    head before = apply(nullptr, plain_changes(), f.now);
    before.subject = "ada";
    before.label = "pc";
    before.absolute_end = f.now + 24h;
    before.lock_token = (std::uint64_t{1} << 53) - 1;
    before.locked_until = f.now - 1ms;
    CHECK(*f.wait(f.store().swap(old.key, nullptr, before, "red", f.now, soon())));

    f.now += 30min;
    const auto done = d.rotate(old, next, 0s);
    REQUIRE(done.has_value());
    CHECK(done->id == next.id);
    const auto found = d.look(next);
    REQUIRE(found);
    CHECK(found->payload == "red");
    CHECK(found->about == done->done.about);
    head expected = before;
    expected.revision = found->about.revision;
    expected.last_seen = f.now;
    expected.expires = next_expiry(before.idle, before.absolute_end, f.now);
    expected.keep_until = expected.expires + 10min;
    CHECK(found->about == expected);
    CHECK(found->about.revision > before.revision);
}

TEST_CASE("rotation: without grace the old id is over at once, whatever the clock of who asks")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    CHECK(d.put(old, "red").has_value());
    CHECK(d.rotate(old, next, 0s).has_value());
    for (const auto skew : {0s, -10s, 10s}) {
        f.now += skew;
        CHECK(!d.look(old));
        CHECK(ended(d.put(old, "blue")));
        CHECK(ended(d.put(old, "blue", precondition::absent())));
        CHECK(ended(d.put(old, "blue", precondition::exists())));
        CHECK(ended(d.rotate(old, new_ticket(), 0s)));
        CHECK(ended(d.rotate(old, new_ticket(), 60s)));
        CHECK(!f.wait(d.store().touch(old.key, f.now)).has_value());
        CHECK(!f.wait(d.store().patch(old.key, adding("blue"), {}, f.now)).has_value());
        d.end(old);
        CHECK(d.payload(next) == "red");
        f.now -= skew;
    }
    CHECK(d.reused() == 3 * 8);
}

TEST_CASE("rotation: within the grace the old id is the session, and after it is over")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    CHECK(d.put(old, "red").has_value());
    CHECK(d.rotate(old, next, 30s).has_value());

    f.now += 30s - 1ms;
    const auto read = d.look(old);
    REQUIRE(read);
    CHECK(read->about == d.look(next)->about);
    CHECK(d.put(old, "blue", precondition::matches(read->about.data_version))->what == write::outcome::replaced);
    CHECK(refused_by(*d.put(old, "green", precondition::matches(read->about.data_version)), errc::precondition_failed));
    CHECK(refused_by(*d.put(old, "green", precondition::absent()), errc::precondition_failed));
    CHECK(f.wait(d.store().patch(old.key, adding("black"), {}, f.now)).has_value());
    CHECK(f.wait(d.store().touch(old.key, f.now)).has_value());
    CHECK(answer_of(d.rotate(old, new_ticket(), 0s)) == next.id);
    CHECK(d.payload(next) == "blueblack\n");
    CHECK(d.reused() == 0);

    f.now += 1ms;
    CHECK(!d.look(old));
    CHECK(ended(d.put(old, "green")));
    CHECK(ended(d.rotate(old, new_ticket(), 30s)));
    CHECK(d.payload(next) == "blueblack\n");
    CHECK(d.reused() == 3);
}

TEST_CASE("rotation: the grace outlasts a session that is short and soon forgotten")
{
    fixture f;
    daemon_over d(f);
    stopping_backend store(f.store());
    lookup places(store, [](const handle&) {});
    const auto old = new_ticket();
    const auto next = new_ticket();
    head_changes changes = plain_changes();
    changes.default_idle = 1s;
    changes.keep_after_end = 1s;
    CHECK(f.wait(f.store().put(old.key, changes, "red", precondition::none(), f.now, soon())).has_value());
    rotation wanted = from_to(old, next, 60s);
    wanted.changes = changes;
    wanted.announce = nobody_listens;
    CHECK(f.wait(rotate(store, places, wanted, f.now, soon())).has_value());
    CHECK((*f.wait(f.store().load(old.key, soon())))->about.keep_until >= f.now + 60s);
}

TEST_CASE("rotation: aliases lead on through one another")
{
    fixture f;
    daemon_over d(f);
    const auto ids = new_tickets(4);
    CHECK(d.put(ids[0], "red").has_value());
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
        CHECK(answer_of(d.rotate(ids[i], ids[i + 1], 10s)) == ids[i + 1].id);
    CHECK(answer_of(d.rotate(ids[0], new_ticket(), 10s)) == ids[3].id);
    CHECK(d.put(ids[0], "blue").has_value());
    for (const auto& t : ids)
        CHECK(d.payload(t) == "blue");
    d.end(ids[0]);
    for (const auto& t : ids)
        CHECK(!d.look(t));
}

TEST_CASE("rotation: an id that is in use, or was, is not taken, and the session stays where it is")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto used = new_ticket();
    const auto gone = new_ticket();
    CHECK(d.put(old, "red").has_value());
    CHECK(d.put(used, "blue").has_value());
    d.end(gone);
    CHECK(refused(d.rotate(old, used, 0s), errc::precondition_failed));
    CHECK(refused(d.rotate(old, gone, 0s), errc::precondition_failed));
    CHECK(d.payload(old) == "red");
    CHECK(d.payload(used) == "blue");
    CHECK(!d.look(gone));
}

TEST_CASE("rotation: nothing is made of a session that is over or was never there")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    CHECK(d.rotate(old, next, 0s).error().code == errc::not_found);
    CHECK(d.put(old, "red").has_value());
    d.end(old);
    CHECK(ended(d.rotate(old, next, 0s)));
    CHECK(d.look(next) == std::nullopt);
    CHECK(d.put(next, "blue")->what == write::outcome::created);
}

TEST_CASE("rotation: a change of subject leaves no alias, and follows one to do it")
{
    fixture f;
    daemon_over d(f);
    const auto ids = new_tickets(4);
    session_settings as_ada;
    as_ada.subject = "ada";
    CHECK(d.put(ids[0], "red").has_value());
    // Somebody else's rotation within its grace is no login, so the login rotates on.
    CHECK(answer_of(d.rotate(ids[0], ids[1], 60s)) == ids[1].id);
    CHECK(answer_of(d.rotate(ids[0], ids[2], 60s, as_ada)) == ids[2].id);
    CHECK(!d.look(ids[0]));
    CHECK(!d.look(ids[1]));
    CHECK(d.look(ids[2]).value_or(record()).about.subject == "ada");
    // Repeated, it is the same login.
    CHECK(answer_of(d.rotate(ids[0], ids[2], 60s, as_ada)) == ids[2].id);
    CHECK(answer_of(d.rotate(ids[0], new_ticket(), 60s, as_ada)) == over);
    CHECK(answer_of(d.rotate(ids[1], ids[2], 60s, as_ada)) == ids[2].id);
    CHECK(answer_of(d.rotate(ids[2], ids[3], 60s, as_ada)) == ids[3].id);
    CHECK(d.look(ids[2]).value_or(record()).about.subject == "ada");
    as_ada.subject = "";
    const auto last = new_ticket();
    CHECK(answer_of(d.rotate(ids[3], last, 60s, as_ada)) == last.id);
    CHECK(!d.look(ids[2]));
    CHECK(!d.look(ids[3]));
}

TEST_CASE("rotation: a session as large as the daemon takes one can be rotated")
{
    fixture f;
    daemon_over d(f);
    const auto limit = d.store().caps().max_payload;
    if (!limit || *limit > (std::size_t{4} << 20U)) // then the server may well have one that is lower
        return;
    const auto old = new_ticket();
    const auto next = new_ticket();
    const std::string largest(*limit, 'x');
    CHECK(d.put(old, largest + "x").error().code == errc::too_large);
    CHECK(d.put(old, largest).has_value());
    CHECK(answer_of(d.rotate(old, next, 0s)) == next.id);
    const bool whole = d.payload(next) == largest;
    CHECK(whole);
}

TEST_CASE("rotation: a lease keeps out who lacks its token, and goes with the session")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    head locked = apply(nullptr, plain_changes(), f.now);
    locked.lock_token = 7;
    locked.locked_until = f.now + 30s;
    CHECK(*f.wait(f.store().swap(old.key, nullptr, locked, "red", f.now, soon())));
    CHECK(refused(d.rotate(old, next, 0s), errc::locked));
    CHECK(!d.look(next));
    session_settings holder;
    holder.lock_token = 7;
    CHECK(answer_of(d.rotate(old, next, 30s, holder)) == next.id);
    CHECK(refused_by(*d.put(next, "blue"), errc::locked));
    CHECK(refused_by(*d.put(old, "blue"), errc::locked));
    CHECK(f.wait(d.store().put(old.key, "green", holder, precondition::none(), f.now))->what ==
          write::outcome::replaced);
}

TEST_CASE("rotation: at rest the old id's record does not tell the new id")
{
    fixture f;
    daemon_over d(f);
    const auto old = new_ticket();
    const auto next = new_ticket();
    CHECK(d.put(old, "red").has_value());
    CHECK(d.rotate(old, next, 30s).has_value());
    const auto alias = *f.wait(f.store().load(old.key, soon()));
    REQUIRE(alias);
    CHECK(alias->about.what == kind::alias);
    CHECK(alias->payload.find(next.id) == std::string::npos);
    CHECK(alias->payload.find("red") == std::string::npos);
    CHECK(alias_target(alias->payload) == next.key.name);
    CHECK(open_alias(alias->payload, old.id).value() == next.id);
    CHECK(!open_alias(alias->payload, next.id).has_value());
    CHECK((*f.wait(f.store().load(next.key, soon())))->payload == "red");
}

} // namespace coatcheck::conformance
