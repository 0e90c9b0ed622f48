// uWSGI caches that are not there, too small, full, or set up in other ways.

#include "tests/conformance/fixture.hpp"
#include "tests/conformance/uwsgi_server.hpp"

#include <algorithm>
#include <list>

namespace coatcheck::conformance {

namespace {

template <class T>
void check_fails(const result<T>& answer, errc code, std::string_view part = {})
{
    REQUIRE(!answer.has_value());
    INFO(answer.error().detail);
    CHECK(answer.error().code == code);
    CHECK(answer.error().detail.find(part) != std::string::npos);
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red",
                      precondition when = precondition::none(), const head_changes& changes = plain_changes())
{
    return f.wait(f.store().put(key, changes, payload, when, f.now, soon()));
}

// No operation takes silence for the absence of a session.
void check_unusable(fixture& f, std::string_view why)
{
    const auto key = f.new_key();
    check_fails(f.wait(f.store().probe(soon())), errc::unavailable, why);
    check_fails(f.wait(f.store().load(key, soon())), errc::unavailable, why);
    check_fails(f.wait(f.store().extend(key, f.now, 10min, soon())), errc::unavailable, why);
    for (const auto& when : {precondition::none(), precondition::exists()})
        check_fails(try_put(f, key, "red", when), errc::unavailable, why);
    check_fails(f.wait(f.store().end(key, f.now, f.now + 1min, soon())), errc::unavailable, why);
    CHECK(!try_put(f, key, "red", precondition::absent()).has_value());
}

// A lifetime of `idle` in all, and no memory of it.
head_changes short_lived(std::chrono::seconds idle)
{
    auto changes = plain_changes();
    changes.absolute = idle;
    changes.keep_after_end = 0ms;
    return changes;
}

// Sessions until the cache is full.
std::vector<session_key> fill(fixture& f, std::string_view payload)
{
    std::vector<session_key> keys;
    for (;;) {
        const auto key = f.new_key();
        const auto made = try_put(f, key, payload, precondition::absent());
        if (!made) {
            check_fails(made, errc::full);
            return keys;
        }
        keys.push_back(key);
    }
}

} // namespace

TEST_CASE("uwsgi: a cache of another name is away, not empty")
{
    const uwsgi_server server({"cache=name=other,items=100"});
    fixture f(uwsgi_at(server.port()));
    check_unusable(f, "none of that name");
}

TEST_CASE("uwsgi: a cache whose keys are too short for ours is away, not empty")
{
    const uwsgi_server server({"cache=name=sessions,items=100,keysize=52"});
    fixture f(uwsgi_at(server.port()));
    check_unusable(f, "keysize is below 53");
    fixture shorter(uwsgi_at(server.port()) + "&prefix=c:");
    CHECK(shorter.put(shorter.new_key(), "red").what == write::outcome::created);
}

TEST_CASE("uwsgi: a cache that forgets at once what has an end is away, not empty")
{
    const uwsgi_server server({"cache=name=sessions,items=100,purge_lru=1,lazy=1"});
    fixture f(uwsgi_at(server.port()));
    check_unusable(f, "keeps nothing");
}

TEST_CASE("uwsgi: a cache that has something else under the key that proves it is away")
{
    const uwsgi_server server;
    ask_uwsgi(server, {.what = uwsgi::command::set,
                       .key = "coatcheck:*this-key-shows-that-the-cache-is-answering",
                       .value = "else",
                       .lifetime = 1h});
    fixture f(uwsgi_at(server.port()));
    check_unusable(f, "not ours");
}

TEST_CASE("uwsgi: a block that is smaller than max refuses the session, keeps the old one and says no wrong thing")
{
    const uwsgi_server server({"cache=name=sessions,items=100,blocksize=8192"});
    fixture f(uwsgi_at(server.port()));
    const auto key = f.new_key();
    f.put(key, "red");
    for (const std::size_t size : {std::size_t{8192}, std::size_t{1} << 20}) {
        const auto other = f.new_key();
        for (const auto& at : {key, other}) {
            const auto answer = try_put(f, at, std::string(size, 'x'));
            REQUIRE(!answer.has_value());
            // Which one depends on how much of it uWSGI has read when it refuses.
            CHECK((answer.error().code == errc::full || answer.error().code == errc::timed_out));
        }
        CHECK(f.load(key)->payload == "red");
        CHECK(!f.load(other));
    }
}

TEST_CASE("uwsgi: a full cache refuses new sessions, and lets the ones that are there be used and ended")
{
    const uwsgi_server server({"cache=name=sessions,items=8,blocksize=8192"});
    fixture f(uwsgi_at(server.port()));
    REQUIRE(f.wait(f.store().probe(soon())).has_value());
    const auto keys = fill(f, "red");
    REQUIRE(keys.size() == 6); // of eight, uWSGI keeps one and the key that proves the cache is another
    check_fails(try_put(f, f.new_key()), errc::full);
    check_fails(f.wait(f.store().end(f.new_key(), f.now, f.now + 1min, soon())), errc::full);
    CHECK(f.wait(f.store().load(f.new_key(), soon()))->has_value() == false);
    for (const auto& key : keys) {
        CHECK(try_put(f, key, std::string(4000, 'b'))->what == write::outcome::replaced);
        CHECK(f.wait(f.store().extend(key, f.now + 30min, 10min, soon()))->value().revision == 3);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(refused_by(*try_put(f, key), errc::ended));
    }
}

TEST_CASE("uwsgi: a full cache of scattered blocks gives up a session for its tombstone")
{
    const uwsgi_server server({"cache=name=sessions,items=100,blocksize=64,blocks=100,bitmap=1"});
    fixture f(uwsgi_at(server.port()));
    REQUIRE(f.wait(f.store().probe(soon())).has_value());
    const auto keys = fill(f, "red");
    REQUIRE(keys.size() > 10);
    for (const auto& key : keys) {
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

TEST_CASE("uwsgi: uWSGI forgets a record after its keep_until, and not before; if it fails to, it is over all the same")
{
    struct {
        std::vector<std::string> options;
        bool forgets;
    } const cases[] = {
        {{"cache=name=sessions,items=100"}, true},
        {{"cache=name=sessions,items=100,lazy=1", "no-master"}, true},
        {{"cache=name=sessions,items=100", "no-master"}, false}, // the sweeper is the master's
        {{"cache=name=sessions,items=100,purge_lru=1"}, false},  // which keeps no ends
    };
    std::list<uwsgi_server> servers;
    std::list<fixture> stores;
    std::vector<session_key> keys;
    std::vector<head> made;
    for (const auto& c : cases) {
        servers.emplace_back(c.options);
        stores.emplace_back(uwsgi_at(servers.back().port()));
        keys.push_back(stores.back().new_key());
        made.push_back(stores.back().put(keys.back(), "red", precondition::none(), short_lived(2s)).about);
    }
    std::vector<bool> gone(4, false);
    const auto enough = std::chrono::system_clock::now() + 5500ms; // the last second, one added and the sweeper's
    while (std::chrono::system_clock::now() < enough) {
        auto server = servers.begin();
        for (std::size_t i = 0; i < 4; ++i, ++server) {
            const auto before = std::chrono::system_clock::now();
            gone[i] = !value_in_uwsgi(*server, uwsgi_key(keys[i]));
            CHECK((!gone[i] || before >= made[i].keep_until));
        }
        std::this_thread::sleep_for(10ms);
    }
    auto store = stores.begin();
    for (std::size_t i = 0; i < 4; ++i, ++store) {
        CAPTURE(i);
        CHECK(gone[i] == cases[i].forgets);
        store->now = made[i].keep_until;
        store->load(keys[i]);
        store->extend(keys[i]);
        CHECK(refused_by(store->put(keys[i], "blue", precondition::exists()), errc::precondition_failed));
        CHECK(store->put(keys[i], "blue", precondition::absent()).what == write::outcome::created);
    }
}

TEST_CASE("uwsgi: a cache that evicts takes every session, and forgets some of the others")
{
    const uwsgi_server server({"cache=name=sessions,items=8,purge_lru=1"});
    fixture f(uwsgi_at(server.port()));
    std::vector<session_key> keys;
    const auto holds = [&](const session_key& key) {
        const auto held = f.wait(f.store().load(key, soon()));
        REQUIRE(held.has_value());
        return held->has_value();
    };
    for (int i = 0; i < 30; ++i) {
        keys.push_back(f.new_key());
        CHECK(try_put(f, keys.back(), "red", precondition::absent())->what == write::outcome::created);
        CHECK(holds(keys.back()));
    }
    CHECK(std::ranges::count_if(keys, holds) < 8);
}

} // namespace coatcheck::conformance
