#include "backends/layers/encrypt.hpp"
#include "backends/layers/unsealed.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <map>
#include <vector>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

struct contents {
    std::map<handle, record> records;
    int loads = 0;
    int lost_swaps = 0; // so many of the next ones are lost to somebody else
};

// What every store does, over a map that the test sees into.
class map_backend final : public backend {
public:
    explicit map_backend(contents& in) : in_(in) {}

    capabilities caps() const noexcept override
    {
        capabilities c;
        c.max_payload = 1000;
        return c;
    }
    acknowledgement acknowledges() const override { return {}; }
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline) override
    {
        ++in_.loads;
        const auto found = in_.records.find(key.name);
        if (found == in_.records.end())
            co_return std::nullopt;
        co_return std::optional(found->second);
    }
    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline) override
    {
        const head* const stored = find(key);
        if (const auto why = refusal(stored, when, changes, now))
            co_return write{write::outcome::refused, *why, stored != nullptr ? *stored : head{}};
        const auto what = stored != nullptr ? write::outcome::replaced : write::outcome::created;
        head next = apply(stored, changes, now);
        in_.records[key.name] = {next, std::string(payload)};
        co_return write{what, {}, std::move(next)};
    }
    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point, deadline) override
    {
        const head* const stored = find(key);
        if (in_.lost_swaps > 0 && in_.lost_swaps-- > 0)
            co_return false;
        if ((stored == nullptr) != (seen == nullptr) || (seen != nullptr && !is_unchanged(*seen, *stored)))
            co_return false;
        record& r = in_.records[key.name];
        r.about = next;
        if (payload)
            r.payload = *payload;
        co_return true;
    }
    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline) override
    {
        const head* const stored = find(key);
        const auto before = stored != nullptr ? std::optional(*stored) : std::nullopt;
        in_.records[key.name] = {tombstone(stored, now, keep_until), {}};
        co_return before;
    }
    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline) override
    {
        head* const stored = find(key);
        if (stored == nullptr)
            co_return std::nullopt;
        if (is_live(*stored, now) && needs_extension(*stored, now))
            *stored = extended(*stored, keep_after_end, now);
        co_return std::optional(*stored);
    }
    awaitable<result<void>> probe(deadline) override { co_return result<void>(); }

private:
    head* find(const session_key& key)
    {
        const auto found = in_.records.find(key.name);
        return found == in_.records.end() ? nullptr : &found->second.about;
    }

    contents& in_;
};

// Calls of a layer over a map that several of them share.
class bench {
public:
    contents store;
    session_key key{handle(std::string(handle::length, 'a')), std::nullopt};
    time_point now{std::chrono::milliseconds{1'700'000'000'000}};

    // By the place of the key that opened them.
    std::vector<std::size_t> opened;

    std::unique_ptr<backend> with_keys(const std::vector<std::string>& texts,
                                       plain_records plain = plain_records::refuse, const std::string& realm = "shop")
    {
        std::vector<sealing_key> keys;
        for (const auto& text : texts)
            keys.emplace_back(text);
        return std::make_unique<encrypt>(std::make_unique<map_backend>(store),
                                         std::make_shared<const sealer>(std::move(keys), realm), plain,
                                         [this](std::size_t k) { opened.push_back(k); });
    }
    std::unique_ptr<backend> without_keys() { return std::make_unique<unsealed>(std::make_unique<map_backend>(store)); }

    result<write> put(backend& over, std::string_view payload, precondition when = precondition::none(),
                      std::optional<std::uint64_t> token = std::nullopt)
    {
        head_changes changes;
        changes.next = make_version();
        changes.default_idle = 1h;
        changes.keep_after_end = 1min;
        changes.lock_token = token;
        return wait(over.put(key, changes, payload, when, now, soon()));
    }
    result<std::optional<record>> load(backend& over) { return wait(over.load(key, soon())); }
    result<bool> swap(backend& over, const head* seen, const head& next, std::optional<std::string_view> payload)
    {
        return wait(over.swap(key, seen, next, payload, now, soon()));
    }
    result<std::optional<head>> end(backend& over) { return wait(over.end(key, now, now + 1min, soon())); }
    result<std::optional<head>> extend(backend& over) { return wait(over.extend(key, now, 1min, soon())); }

    std::string payload_through(backend& over)
    {
        const auto found = load(over);
        return !found ? "failed: " + found.error().detail : !*found ? "none" : (*found)->payload;
    }
    record& at_rest() { return store.records.at(key.name); }

private:
    static deadline soon() { return std::chrono::steady_clock::now() + 5s; }

    template <class T>
    T wait(awaitable<T> op)
    {
        auto& context = threads_.context(0);
        auto answer = boost::asio::co_spawn(context.get_executor(), std::move(op), boost::asio::use_future);
        context.restart();
        context.run();
        return answer.get();
    }

    runtime threads_{1};
};

const std::string first = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const std::string second = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

head after(const head& seen)
{
    head next = seen;
    next.revision += 1;
    return next;
}

} // namespace

TEST_CASE("what is below sees sealed payloads alone, what is above none")
{
    bench b;
    const auto sealed = b.with_keys({first});
    REQUIRE(b.put(*sealed, "PLANTED").has_value());
    CHECK(b.at_rest().payload.find("PLANTED") == std::string::npos);
    CHECK(b.at_rest().payload.starts_with("\xc1\x01"));
    const auto found = b.load(*sealed);
    CHECK((*found)->payload == "PLANTED");
    CHECK((*found)->about.locked_until == time_point{});
    CHECK(sealed->caps().max_payload == 1000 - sealing_overhead);
    CHECK(b.put(*sealed, std::string(1000 - sealing_overhead + 1, 'x')).error().code == errc::too_large);
}

TEST_CASE("a daemon without the key neither reads nor replaces a record, and ends it")
{
    bench b;
    const auto sealed = b.with_keys({first});
    const auto other = b.with_keys({second});
    const auto none = b.without_keys();
    REQUIRE(b.put(*sealed, "red").has_value());
    const head seen = (*b.load(*sealed))->about;
    for (backend* const stranger : {other.get(), none.get()}) {
        CHECK(b.load(*stranger).error().code == errc::unknown_key);
        for (const auto& when : {precondition::none(), precondition::absent(), precondition::exists(),
                                 precondition::matches(seen.data_version), precondition::at_revision(1)})
            CHECK(b.put(*stranger, "blue", when).error().code == errc::unknown_key);
        CHECK(b.put(*stranger, "blue", precondition::none(), 0).error().code == errc::unknown_key);
        CHECK(b.put(*stranger, "blue", precondition::exists(), 7).error().code == errc::unknown_key);
        CHECK(b.payload_through(*sealed) == "red");
    }
    CHECK(b.extend(*none).error().code == errc::unknown_key);
    CHECK(b.end(*none).has_value());
    CHECK((*b.load(*sealed))->about.what == kind::ended);
    CHECK((*b.load(*none))->about.what == kind::ended);
}

TEST_CASE("where there are no keys, plain records cost no operation more")
{
    bench b;
    const auto none = b.without_keys();
    REQUIRE(b.put(*none, "red").has_value());
    REQUIRE(b.put(*none, "blue").has_value());
    CHECK(b.store.loads == 0);
    CHECK(b.payload_through(*none) == "blue");
    CHECK(b.at_rest().payload == "blue");
    CHECK(b.store.loads == 1);
}

TEST_CASE("a record that was changed at rest is corrupt and is not replaced")
{
    bench b;
    const auto sealed = b.with_keys({first});
    REQUIRE(b.put(*sealed, "red").has_value());
    const record good = b.at_rest();
    const auto check_kept = [&] {
        const record before = b.at_rest();
        CHECK(b.load(*sealed).error().code == errc::corrupt);
        CHECK(b.put(*sealed, "blue").error().code == errc::corrupt);
        CHECK(b.at_rest() == before);
        b.at_rest() = good;
    };
    b.at_rest().payload.back() ^= 1;
    check_kept();
    b.at_rest().about.subject = "somebody else";
    check_kept();
    b.at_rest().about.absolute_end = b.now + 24h;
    check_kept();
    b.at_rest().payload = "plain";
    check_kept();
    CHECK(b.payload_through(*sealed) == "red");
}

TEST_CASE("plain records are refused, or read and sealed when they are next written")
{
    bench b;
    const auto none = b.without_keys();
    const auto refusing = b.with_keys({first});
    const auto accepting = b.with_keys({first}, plain_records::accept);
    REQUIRE(b.put(*none, "red").has_value());
    CHECK(b.load(*refusing).error().code == errc::unknown_key);
    CHECK(b.put(*refusing, "blue").error().code == errc::unknown_key);
    CHECK(b.at_rest().payload == "red");

    CHECK(b.payload_through(*accepting) == "red");
    CHECK(b.opened == std::vector<std::size_t>{1});
    CHECK(b.extend(*accepting).has_value());
    REQUIRE(b.put(*accepting, "blue").has_value());
    CHECK(b.payload_through(*refusing) == "blue");
}

TEST_CASE("a swap that keeps the payload of a plain record seals it")
{
    bench b;
    const auto accepting = b.with_keys({first}, plain_records::accept);
    REQUIRE(b.put(*b.without_keys(), "red").has_value());
    const head seen = (*b.load(*accepting))->about;
    head locked = after(seen);
    locked.locked_until = b.now + 1min;
    CHECK(*b.swap(*accepting, &seen, locked, std::nullopt));
    CHECK(b.at_rest().payload != "red");
    const auto found = b.load(*b.with_keys({first}));
    CHECK((*found)->payload == "red");
    CHECK((*found)->about == locked);
}

TEST_CASE("a swap that changes nothing of what the seal is bound to leaves the sealed bytes and reads nothing")
{
    bench b;
    const auto sealed = b.with_keys({first});
    REQUIRE(b.put(*sealed, "red").has_value());
    const head seen = (*b.load(*sealed))->about;
    const std::string bytes = b.at_rest().payload;
    const int loads = b.store.loads;
    head next = after(seen);
    next.locked_until = b.now + 1min;
    next.label = "phone";
    CHECK(*b.swap(*sealed, &seen, next, std::nullopt));
    CHECK(b.at_rest().payload == bytes);
    CHECK(b.store.loads == loads);
    CHECK((*b.load(*sealed))->about == next);

    head moved = after(next);
    moved.what = kind::alias;
    moved.subject = "ada";
    CHECK(*b.swap(*sealed, &next, moved, std::nullopt));
    CHECK((*b.load(*sealed))->payload == "red");
    CHECK((*b.load(*sealed))->about == moved);
    CHECK_FALSE(*b.swap(*sealed, &next, moved, std::nullopt));
}

TEST_CASE("a record whose mark was taken off with its lock is still read, and nowhere taken for a plain one")
{
    bench b;
    for (const auto plain : {plain_records::refuse, plain_records::accept}) {
        const auto sealed = b.with_keys({first}, plain);
        b.store.records.clear();
        REQUIRE(b.put(*sealed, "red").has_value());
        b.at_rest().about.locked_until = {};
        CHECK(b.payload_through(*sealed) == "red");
        CHECK((*b.extend(*sealed))->locked_until == time_point{});
        CHECK(b.load(*b.without_keys()).error().code == errc::unknown_key);
        CHECK(b.load(*b.with_keys({second}, plain)).error().code == errc::unknown_key);
        REQUIRE(b.put(*sealed, "blue").has_value());
        CHECK(is_marked_sealed(b.at_rest().about));
    }
}

TEST_CASE("records stay readable while a key is rotated, and each tells the key that opened it")
{
    bench b;
    const auto before = b.with_keys({first});
    const auto distributed = b.with_keys({first, second});
    const auto promoted = b.with_keys({second, first});
    const auto retired = b.with_keys({second});
    REQUIRE(b.put(*before, "red").has_value());
    CHECK(b.payload_through(*distributed) == "red");
    CHECK(b.payload_through(*promoted) == "red");
    CHECK(b.opened == std::vector<std::size_t>{0, 1});
    CHECK(b.load(*retired).error().code == errc::unknown_key);
    REQUIRE(b.put(*promoted, "blue").has_value());
    CHECK(b.payload_through(*distributed) == "blue");
    CHECK(b.payload_through(*retired) == "blue");
    CHECK(b.load(*before).error().code == errc::unknown_key);
}

TEST_CASE("a write that is lost to another is done again on what is there, and creates without looking")
{
    bench b;
    const auto sealed = b.with_keys({first});
    b.store.lost_swaps = 3;
    REQUIRE(b.put(*sealed, "red").has_value());
    CHECK(b.payload_through(*sealed) == "red");
    b.store.records.clear();
    b.store.loads = 0;
    CHECK(b.put(*sealed, "red", precondition::absent())->what == write::outcome::created);
    CHECK(b.store.loads == 0);
    const auto again = b.put(*sealed, "blue", precondition::absent());
    CHECK(again->what == write::outcome::refused);
    CHECK(again->why == errc::precondition_failed);
    CHECK(again->about.locked_until == time_point{});
}

} // namespace coatcheck
