#include "server/preconditions.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

const version one{0x0123456789abcdef};
const version two{2};

} // namespace

TEST_CASE("a star matches every version")
{
    const auto tags = parse_tags("*", comparison::strong);
    REQUIRE(tags);
    CHECK(tags->any);
    CHECK(tags->contains(one));
}

TEST_CASE("a list matches each of its versions, with empty elements and spaces where RFC 9110 lets them be")
{
    const auto tags = parse_tags(R"( ,"0123456789abcdef" ,, "0000000000000002",)", comparison::strong);
    REQUIRE(tags);
    CHECK(tags->contains(one));
    CHECK(tags->contains(two));
    CHECK_FALSE(tags->contains(version{3}));
}

TEST_CASE("a weak tag matches only where weak comparison is asked")
{
    CHECK_FALSE(parse_tags(R"(W/"0123456789abcdef")", comparison::strong)->contains(one));
    CHECK(parse_tags(R"(W/"0123456789abcdef")", comparison::weak)->contains(one));
}

TEST_CASE("a tag that is none of ours matches nothing and is no error")
{
    for (const auto text : {R"("")", R"("0123456789ABCDEF")", R"("v1")", R"("0123456789abcdef0")"}) {
        const auto tags = parse_tags(text, comparison::strong);
        REQUIRE_MESSAGE(tags, text);
        CHECK_MESSAGE(!tags->contains(one), text);
    }
}

TEST_CASE("what is no list of tags is refused")
{
    for (const auto text :
         {"", ",", "0123456789abcdef", R"("0123456789abcdef)", R"("a""b")", R"("a" b)", R"(w/"a")", "*, \"a\""})
        CHECK_MESSAGE(!parse_tags(text, comparison::strong), text);
}
