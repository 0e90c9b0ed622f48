#include "proto/change.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace std::chrono_literals;

namespace {

constexpr time_point now{1'000'000'000s};

head live_head()
{
    head h;
    h.revision = 5;
    h.data_version.bits = 77;
    h.created = now - 10s;
    h.last_seen = now - 10s;
    h.idle = 100s;
    h.expires = now + 100s;
    h.keep_until = now + 160s;
    h.subject = "ada";
    h.label = "pc";
    h.lock_token = 9;
    h.locked_until = now + 5s;
    return h;
}

std::optional<errc> none()
{
    return std::nullopt;
}

head_changes changes_to(version next)
{
    head_changes changes;
    changes.next = next;
    changes.default_idle = 60s;
    changes.keep_after_end = 60s;
    return changes;
}

// The changes of a writer that holds the lock of live_head().
head_changes creating(bool may_create)
{
    head_changes changes = changes_to({42});
    changes.may_create = may_create;
    changes.lock_token = 9;
    return changes;
}

} // namespace

TEST_CASE("what there is not is created, unless it should be there or may not be created")
{
    head forgotten = live_head();
    forgotten.expires = now - 100s;
    forgotten.keep_until = now;
    for (const head* const stored : {static_cast<const head*>(nullptr), static_cast<const head*>(&forgotten)}) {
        CHECK(refusal(stored, precondition::none(), creating(true), now) == none());
        CHECK(refusal(stored, precondition::absent(), creating(true), now) == none());
        CHECK(refusal(stored, precondition::none(), creating(false), now) == errc::not_found);
        CHECK(refusal(stored, precondition::absent(), creating(false), now) == errc::not_found);
        CHECK(refusal(stored, precondition::exists(), creating(true), now) == errc::precondition_failed);
        CHECK(refusal(stored, precondition::matches({77}), creating(true), now) == errc::precondition_failed);
        CHECK(refusal(stored, precondition::at_revision(5), creating(true), now) == errc::precondition_failed);
    }
}

TEST_CASE("a live session is written if what was asked of it holds")
{
    const head h = live_head();
    for (const bool may_create : {false, true}) {
        CHECK(refusal(&h, precondition::none(), creating(may_create), now) == none());
        CHECK(refusal(&h, precondition::exists(), creating(may_create), now) == none());
        CHECK(refusal(&h, precondition::matches({77}), creating(may_create), now) == none());
        CHECK(refusal(&h, precondition::at_revision(5), creating(may_create), now) == none());
        CHECK(refusal(&h, precondition::absent(), creating(may_create), now) == errc::precondition_failed);
        CHECK(refusal(&h, precondition::matches({78}), creating(may_create), now) == errc::precondition_failed);
        CHECK(refusal(&h, precondition::at_revision(4), creating(may_create), now) == errc::precondition_failed);
        CHECK(refusal(&h, precondition::at_revision(6), creating(may_create), now) == errc::precondition_failed);
    }
}

TEST_CASE("what has ended refuses every write while it is remembered, whatever is asked")
{
    head deleted = live_head();
    deleted.what = kind::ended;
    head expired = live_head();
    expired.expires = now;
    head forgotten_next = deleted;
    forgotten_next.keep_until = now + 1ms;
    for (const head& h : {deleted, expired, forgotten_next}) {
        for (const precondition& when : {precondition::none(), precondition::absent(), precondition::exists(),
                                         precondition::matches({77}), precondition::at_revision(5)}) {
            CHECK(refusal(&h, when, creating(true), now) == errc::ended);
            CHECK(refusal(&h, when, creating(false), now) == errc::ended);
        }
    }
}

TEST_CASE("a lease keeps out who has no token while it runs, and each token until another is granted")
{
    head h = live_head();
    head_changes changes = changes_to({42});
    CHECK(refusal(&h, precondition::none(), changes, now) == errc::locked);
    CHECK(refusal(&h, precondition::matches({78}), changes, now) == errc::precondition_failed);
    changes.lock_token = 8;
    CHECK(refusal(&h, precondition::none(), changes, now) == errc::locked);
    changes.lock_token = 9;
    CHECK(refusal(&h, precondition::none(), changes, now) == none());

    h.locked_until = now;
    CHECK(refusal(&h, precondition::none(), changes, now) == none());
    changes.lock_token = 8;
    CHECK(refusal(&h, precondition::none(), changes, now) == errc::locked);
    changes.lock_token.reset();
    CHECK(refusal(&h, precondition::none(), changes, now) == none());
}

TEST_CASE("a session that was created before the epoch has ended")
{
    const head h = live_head();
    head_changes changes = creating(true);
    changes.epoch = h.created;
    CHECK(refusal(&h, precondition::none(), changes, now) == none());
    changes.epoch = h.created + 1ms;
    CHECK(refusal(&h, precondition::none(), changes, now) == errc::ended);
    CHECK(refusal(nullptr, precondition::none(), changes, now) == none());
}

TEST_CASE("a session lives until the millisecond in which it expires")
{
    head h = live_head();
    h.expires = now;
    CHECK(is_live(h, now - 1ms));
    CHECK_FALSE(is_live(h, now));
    for (const kind k : {kind::ended, kind::alias, kind::pending}) {
        h.what = k;
        CHECK_FALSE(is_live(h, now - 1ms));
    }
}

TEST_CASE("a creation takes what is sent, and the store's defaults for the rest")
{
    const head h = apply(nullptr, changes_to({42}), now);
    CHECK(h.what == kind::live);
    CHECK(h.revision == 1);
    CHECK(h.data_version == version{42});
    CHECK(h.created == now);
    CHECK(h.last_seen == now);
    CHECK(h.idle == 60s);
    CHECK(h.expires == now + 66s);
    CHECK(h.absolute_end == never);
    CHECK(h.keep_until == now + 126s);
    CHECK(h.subject.empty());
    CHECK(h.label.empty());
    CHECK(h.lock_token == 0);

    head_changes sent = changes_to({42});
    sent.idle = 10s;
    sent.absolute = 1h;
    sent.default_absolute = 2h;
    sent.subject = "ada";
    sent.label = "pc";
    const head other = apply(nullptr, sent, now);
    CHECK(other.idle == 10s);
    CHECK(other.expires == now + 11s);
    CHECK(other.absolute_end == now + 1h);
    CHECK(other.subject == "ada");
    CHECK(other.label == "pc");

    sent.absolute.reset();
    CHECK(apply(nullptr, sent, now).absolute_end == now + 2h);
}

TEST_CASE("a write keeps what is not sent, and takes no default")
{
    head stored = live_head();
    stored.absolute_end = now + 1h;
    head_changes changes = changes_to({42});
    changes.default_absolute = 2h;
    const head h = apply(&stored, changes, now);
    head expected = stored;
    expected.revision = 6;
    expected.data_version = {42};
    expected.last_seen = now;
    expected.expires = now + 110s;
    expected.keep_until = now + 170s;
    CHECK(h == expected);

    changes.idle = 50s;
    changes.absolute = 30s;
    changes.subject = "";
    changes.label = "phone";
    expected.revision = 6;
    expected.idle = 50s;
    expected.absolute_end = now + 20s; // counted from the creation
    expected.expires = now + 20s;
    expected.keep_until = now + 80s;
    expected.subject = "";
    expected.label = "phone";
    CHECK(apply(&stored, changes, now) == expected);
}

TEST_CASE("a session ends a tenth of its idle timeout later than idle, and never past the absolute end")
{
    CHECK(next_expiry(100s, never, now) == now + 110s);
    CHECK(next_expiry(1s, never, now) == now + 1100ms);
    CHECK(next_expiry(100s, now + 105s, now) == now + 105s);
    CHECK(next_expiry(100s, now + 110s, now) == now + 110s);
    CHECK(next_expiry(100s, now - 1s, now) == now);
    CHECK(next_expiry(std::chrono::days{400}, never, now) == now + std::chrono::days{440});
}

TEST_CASE("a use is written only when less than the idle timeout is left")
{
    head h = live_head();
    h.expires = now + 100s;
    CHECK_FALSE(needs_extension(h, now));
    CHECK(needs_extension(h, now + 1ms));
    // To extend cannot help once the absolute end is what comes next.
    h.absolute_end = h.expires;
    CHECK_FALSE(needs_extension(h, now + 50s));
    h.absolute_end = h.expires + 1ms;
    CHECK(needs_extension(h, now + 50s));
}

TEST_CASE("whenever a session was last used, it ends between 1.0 and 1.1 of its idle timeout after that")
{
    for (const auto gap : {1ms, 500ms, 999ms, 1000ms, 3000ms, 9999ms, 10000ms}) {
        CAPTURE(gap.count());
        head_changes changes = changes_to({1});
        changes.default_idle = 10s;
        head h = apply(nullptr, changes, now);
        time_point used = now;
        for (int i = 0; i < 1000; ++i) {
            used += gap;
            REQUIRE(is_live(h, used));
            if (needs_extension(h, used))
                h = extended(h, 60s, used);
            CHECK(h.expires >= used + 10s);
            CHECK(h.expires <= used + 11s);
        }
    }
}

TEST_CASE("an extension moves the end and the revision, and leaves the data's version")
{
    const head stored = live_head();
    head expected = stored;
    expected.revision = 6;
    expected.last_seen = now + 1s;
    expected.expires = now + 111s;
    expected.keep_until = now + 141s;
    CHECK(extended(stored, 30s, now + 1s) == expected);
}

TEST_CASE("a tombstone keeps nothing of the session but when it began")
{
    const head stored = live_head();
    const head t = tombstone(&stored, now, now + 60s);
    head expected;
    expected.what = kind::ended;
    expected.revision = 6;
    expected.created = stored.created;
    expected.last_seen = now;
    expected.expires = now;
    expected.keep_until = now + 60s;
    CHECK(t == expected);

    expected.revision = 1;
    expected.created = now;
    CHECK(tombstone(nullptr, now, now + 60s) == expected);
}

TEST_CASE("to end what has ended never shortens how long it is remembered")
{
    const head first = tombstone(nullptr, now, now + 60s);
    CHECK(tombstone(&first, now + 1s, now + 10s).keep_until == now + 60s);
    CHECK(tombstone(&first, now + 1s, now + 61s).keep_until == now + 61s);
}
