#include "server/inspection.hpp"

#include "proto/rotated_record.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace std::chrono_literals;

namespace {

constexpr time_point now{1'700'000'000'000ms};
constexpr time_point long_ago{};
const handle other = handle_maker()("another-id-of-a-session");

record live(std::string payload = "\x81\xa1n\x01")
{
    record r;
    r.about.created = now - 1h;
    r.about.idle = 1h;
    r.about.expires = now + 1h;
    r.about.keep_until = now + 2h;
    r.payload = std::move(payload);
    return r;
}

record of(kind what, std::string payload)
{
    record r = live(std::move(payload));
    r.about.what = what;
    return r;
}

session_state state_of(record r, time_point epoch = long_ago)
{
    return inspect(std::move(r), epoch, now).state;
}

} // namespace

TEST_CASE("a session is live until it expires, its absolute end comes, or an epoch after its creation")
{
    CHECK(state_of(live()) == session_state::live);
    CHECK(inspect(live(), long_ago, now).data_size == 4);
    record idle = live();
    idle.about.expires = now;
    CHECK(state_of(idle) == session_state::expired);
    record aged = live();
    aged.about.absolute_end = now;
    aged.about.expires = now;
    CHECK(state_of(aged) == session_state::expired);
    CHECK(state_of(live(), live().about.created) == session_state::live);
    CHECK(state_of(live(), live().about.created + 1ms) == session_state::ended);
}

TEST_CASE("a tombstone is ended, whatever the epoch")
{
    const auto seen = inspect(of(kind::ended, ""), now, now);
    CHECK(seen.state == session_state::ended);
    CHECK(seen.data_size == 0);
    CHECK(!seen.why);
}

TEST_CASE("the records of a rotation say where the session is and where it comes from")
{
    const auto alias =
        inspect(of(kind::alias, make_alias(other, "the-old-id-of-it", "the-new-id-of-it")), long_ago, now);
    CHECK(alias.state == session_state::alias);
    CHECK(alias.other == other);
    CHECK(alias.data_size == 0);
    const auto pending = inspect(of(kind::pending, make_pending(other, live().payload)), long_ago, now);
    CHECK(pending.state == session_state::pending);
    CHECK(pending.other == other);
    CHECK(pending.data_size == 4);
}

TEST_CASE("what is damaged behind a sound head is unreadable, and the head is shown")
{
    for (const auto& damaged : {live(""), live("\xc1"), live("\x80\x80"), of(kind::alias, "nowhere"),
                                of(kind::pending, "nowhere"), of(kind::pending, make_pending(other, "\x93"))}) {
        const auto seen = inspect(damaged, long_ago, now);
        CHECK(seen.state == session_state::unreadable);
        REQUIRE(seen.why);
        CHECK(seen.why->code == errc::corrupt);
        CHECK(!seen.why->detail.empty());
        CHECK(seen.stored == damaged);
    }
}

TEST_CASE("a subject that is no UTF-8 makes a record unreadable and is not shown")
{
    record damaged = live();
    damaged.about.subject = "\xff";
    damaged.about.label = "Firefox";
    const auto seen = inspect(damaged, long_ago, now);
    CHECK(seen.state == session_state::unreadable);
    CHECK(seen.stored->about.subject.empty());
    CHECK(seen.stored->about.label == "Firefox");
}

TEST_CASE("what has no idle timeout is the store's own, but for what is left of sessions")
{
    record r = live();
    CHECK(!is_own(r.about));
    r.about.idle = 0s;
    CHECK(is_own(r.about));
    for (const auto what : {kind::ended, kind::alias, kind::pending}) {
        r.about.what = what;
        CHECK(!is_own(r.about));
    }
}

TEST_CASE("only what says something of the record makes it unreadable")
{
    for (const auto code : {errc::corrupt, errc::newer_format, errc::unknown_key}) {
        const auto seen = inspect(failure{code, "why"});
        REQUIRE(seen);
        CHECK(seen->state == session_state::unreadable);
        CHECK(!seen->stored);
        CHECK(seen->why->code == code);
        CHECK(seen->why->detail == "why");
    }
    CHECK(!inspect(failure{errc::unavailable, "away"}));
    CHECK(!inspect(failure{errc::timed_out, "late"}));
}
