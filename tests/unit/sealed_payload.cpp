#include "proto/sealed_payload.hpp"
#include "proto/change.hpp"
#include "tests/unit/codec.hpp"
#include "tests/unit/sample_data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

using namespace coatcheck;

namespace {

const std::string first_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const std::string second_key = "__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

const handle ada("AdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaAdaA");
const handle bob("BobBobBobBobBobBobBobBobBobBobBobBobBobBobB");

time_point at(std::int64_t ms)
{
    return time_point{std::chrono::milliseconds{ms}};
}

head some_head()
{
    head h;
    h.revision = 7;
    h.data_version.bits = 0x1112131415161718U;
    h.created = at(1'700'000'000'000);
    h.last_seen = at(1'700'000'001'000);
    h.expires = at(1'700'000'002'000);
    h.absolute_end = at(1'700'000'003'000);
    h.keep_until = at(1'700'000'004'000);
    h.locked_until = at(1'700'000'000'500);
    h.lock_token = 3;
    h.idle = std::chrono::seconds{60};
    h.subject = "ada";
    h.label = "pc";
    return h;
}

sealer with_keys(const std::vector<std::string>& texts, std::string realm = "shop")
{
    std::vector<sealing_key> keys;
    for (const auto& text : texts)
        keys.emplace_back(text);
    return {std::move(keys), std::move(realm)};
}

std::string payload_of(const sealer& s, const handle& name, const head& about, const std::string& sealed)
{
    const auto opened = s.open(name, about, sealed);
    return opened ? opened->payload : "failed: " + opened.error().detail;
}

errc why(const sealer& s, const handle& name, const head& about, const std::string& sealed)
{
    const auto opened = s.open(name, about, sealed);
    REQUIRE(opened.has_error());
    return opened.error().code;
}

} // namespace

TEST_CASE("what is sealed opens to the same, whatever its size")
{
    const auto seed = test::new_seed();
    CAPTURE(seed);
    test::sample_data sample(seed);
    const sealer s = with_keys({first_key});
    for (const std::size_t size : {0, 1, 15, 16, 17, 350, 70'000}) {
        const std::string payload = sample.bytes(size);
        const std::string sealed = s.seal(ada, some_head(), payload);
        CHECK(sealed.size() == payload.size() + sealing_overhead);
        const auto opened = s.open(ada, some_head(), sealed);
        REQUIRE(opened.has_value());
        CHECK((opened->payload == payload));
        CHECK(opened->key == 0);
    }
}

// Made with Python's cryptography, from what proto/README.md says.
TEST_CASE("a payload that was sealed by the first release opens for ever")
{
    const std::string sealed = test::from_hex(
        "c101 5b38251de4ab1e95 f0f1f2f3f4f5f6f7f8f9fafb 8c4b7275b0e5c2 13810493187fe7ce2c4bb413dec0aeee");
    CHECK(payload_of(with_keys({first_key}), ada, some_head(), sealed) == "\x81\xa4user*"); // {"user": 42}
}

TEST_CASE("the same payload is never sealed to the same bytes")
{
    const sealer s = with_keys({first_key});
    CHECK(s.seal(ada, some_head(), "red") != s.seal(ada, some_head(), "red"));
}

TEST_CASE("a sealed payload of which any bit was changed, or any byte is missing, does not open")
{
    const sealer s = with_keys({first_key});
    const std::string good = s.seal(ada, some_head(), "payload");
    for (std::size_t i = 0; i < good.size(); ++i) {
        CAPTURE(i);
        for (int bit = 0; bit < 8; ++bit) {
            std::string changed = good;
            changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
            const errc code = why(s, ada, some_head(), changed);
            const errc expected = i == 1 && bit > 0  ? errc::newer_format
                                  : i >= 2 && i < 10 ? errc::unknown_key
                                                     : errc::corrupt;
            CHECK(code == expected);
        }
        CHECK(why(s, ada, some_head(), good.substr(0, i)) == errc::corrupt);
    }
    CHECK(why(s, ada, some_head(), good + '\0') == errc::corrupt);
}

TEST_CASE("a seal is bound to its session, its realm and what the head says of the data")
{
    const sealer s = with_keys({first_key});
    const head h = some_head();
    const std::string sealed = s.seal(ada, h, "payload");
    CHECK(why(s, bob, h, sealed) == errc::corrupt);
    CHECK(why(with_keys({first_key}, "shop2"), ada, h, sealed) == errc::corrupt);
    CHECK(why(with_keys({first_key}, ""), ada, h, sealed) == errc::corrupt);

    const auto without = [&](auto change) {
        head other = h;
        change(other);
        CHECK_FALSE(seals_alike(h, other));
        return why(s, ada, other, sealed) == errc::corrupt;
    };
    CHECK(without([](head& o) { o.what = kind::alias; }));
    CHECK(without([](head& o) { o.data_version.bits += 1; }));
    CHECK(without([](head& o) { o.created += std::chrono::milliseconds(1); }));
    CHECK(without([](head& o) { o.absolute_end = never; }));
    CHECK(without([](head& o) { o.subject = "bob"; }));
    CHECK(without([](head& o) { o.subject = ""; }));
}

TEST_CASE("what changes without the data is not bound: uses, locks and the label")
{
    const sealer s = with_keys({first_key});
    const head h = some_head();
    const std::string sealed = s.seal(ada, h, "payload");
    head other = h;
    other.revision += 1;
    other.last_seen += std::chrono::seconds(1);
    other.expires += std::chrono::seconds(1);
    other.keep_until += std::chrono::seconds(1);
    other.idle += std::chrono::seconds(1);
    other.locked_until = {};
    other.lock_token += 1;
    other.label = "phone";
    CHECK(seals_alike(h, other));
    CHECK(payload_of(s, ada, other, sealed) == "payload");
}

TEST_CASE("what belongs to the realm cannot be taken for the subject's")
{
    head h = some_head();
    h.subject = "ab";
    const std::string sealed = with_keys({first_key}, "r").seal(ada, h, "payload");
    h.subject = "b";
    CHECK(why(with_keys({first_key}, "ra"), ada, h, sealed) == errc::corrupt);
}

TEST_CASE("the first key seals, all open, and a key that is missing is told by its name")
{
    const sealer old = with_keys({first_key});
    const sealer distributed = with_keys({first_key, second_key});
    const sealer promoted = with_keys({second_key, first_key});
    const sealer retired = with_keys({second_key});
    const head h = some_head();

    CHECK(old.open(ada, h, distributed.seal(ada, h, "red"))->key == 0);
    CHECK(distributed.open(ada, h, promoted.seal(ada, h, "red"))->key == 1);
    CHECK(promoted.open(ada, h, old.seal(ada, h, "red"))->key == 1);
    CHECK(payload_of(retired, ada, h, promoted.seal(ada, h, "red")) == "red");
    const auto missing = retired.open(ada, h, old.seal(ada, h, "red"));
    REQUIRE(missing.has_error());
    CHECK(missing.error().code == errc::unknown_key);
    CHECK(missing.error().detail.find(name_of(old.keys()[0].id())) != std::string::npos);
    CHECK(name_of(old.keys()[0].id()).size() == 8);
}

TEST_CASE("the mark of a sealed record is a lock that no lease ends, and comes off without a trace")
{
    const head h = some_head();
    CHECK_FALSE(is_marked_sealed(h));
    CHECK(without_seal_mark(h) == h);
    const head marked = marked_sealed(h);
    CHECK(is_marked_sealed(marked));
    CHECK(without_seal_mark(marked) == h);
    CHECK(marked.locked_until <= never);
    CHECK(is_locked_against(marked, std::nullopt, at(253'402'300'799'000))); // the end of the year 9999
}

TEST_CASE("a key has one spelling, and what is none is refused without being quoted")
{
    CHECK_NOTHROW(sealing_key(make_sealing_key()));
    CHECK(make_sealing_key() != make_sealing_key());
    CHECK(make_sealing_key().size() == 43);
    CHECK(sealing_key(first_key).id() != sealing_key(second_key).id());
    std::string other_spelling = first_key;
    other_spelling.back() = '9';
    for (const auto& text : {std::string(), first_key + "=", first_key.substr(1), first_key + "A", other_spelling,
                             "+" + first_key.substr(1), " " + first_key.substr(1)}) {
        CAPTURE(text);
        try {
            const sealing_key key(text);
            FAIL("taken for a key");
        } catch (const std::invalid_argument& e) {
            const std::string what = e.what();
            CHECK(what.find("--new-key") != std::string::npos);
            CHECK((text.empty() || what.find(text) == std::string::npos));
        }
    }
}
