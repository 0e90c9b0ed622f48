#include "proto/rotated_record.hpp"

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
