#include "proto/rotated_record.hpp"
#include "tests/unit/codec.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

constexpr std::string_view old_id = "old-id-of-a-session";
constexpr std::string_view new_id = "new-id-of-the-same-session";
const handle target = handle_maker()(new_id);

} // namespace

TEST_CASE("an alias leads to the new handle, and whoever has the old id to the new id")
{
    const std::string alias = make_alias(target, old_id, new_id);
    CHECK(alias_target(alias) == target);
    CHECK(open_alias(alias, old_id).value() == new_id);
}

TEST_CASE("an alias that was made by the first release opens for ever")
{
    // By Python's `cryptography`: HKDF and AESGCM with the nonce 00 to 0b.
    const std::string alias =
        std::string(target.str()) + test::from_hex("000102030405060708090a0b638c98dcf50c1f3296880b75ecda432e"
                                                   "23afac16b70fe9171f0dab43538a18ef4cd05052161c27e5de83");
    CHECK(open_alias(alias, old_id).value() == new_id);
}

TEST_CASE("an alias tells the new id to nobody else")
{
    const std::string alias = make_alias(target, old_id, new_id);
    CHECK(alias.find(new_id) == std::string::npos);
    CHECK(alias.find(old_id) == std::string::npos);
    CHECK(open_alias(alias, "old-id-of-a-sessioN").error().code == errc::corrupt);
    CHECK(make_alias(target, old_id, new_id) != alias);
}

TEST_CASE("an alias that was changed or cut opens for nobody")
{
    const std::string alias = make_alias(target, old_id, new_id);
    for (std::size_t i = 0; i < alias.size(); ++i) {
        CAPTURE(i);
        std::string changed = alias;
        changed[i] ^= 1;
        CHECK(open_alias(changed, old_id).error().code == errc::corrupt);
        CHECK(open_alias(alias.substr(0, i), old_id).error().code == errc::corrupt);
    }
    CHECK(!alias_target(""));
    CHECK(!alias_target(std::string(71, '!')));
    CHECK(!alias_target(alias.substr(0, 60)));
}

TEST_CASE("a pending record names the old handle ahead of its data")
{
    const handle source = handle_maker()(old_id);
    const std::string payload = make_pending(source, "\x80");
    const auto parts = parse_pending(payload);
    REQUIRE(parts);
    CHECK(parts->source == source);
    CHECK(parts->data == "\x80");
    CHECK(parse_pending(make_pending(source, ""))->data.empty());
    CHECK(!parse_pending(payload.substr(0, 42)));
    CHECK(!parse_pending("\x80"));
}
