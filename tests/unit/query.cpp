#include "server/query.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

struct parsed {
    bool good;
    std::optional<std::string> store;
    std::optional<std::string> subject;
};

parsed parse(std::string_view query)
{
    parsed p{};
    p.good = parse_query(query, {{"store", p.store}, {"subject", p.subject}});
    return p;
}

} // namespace

TEST_CASE("query parameters are percent-decoded, in any order")
{
    CHECK(parse("").good);
    CHECK(parse("store=shop").store == "shop");
    const auto both = parse("subject=%c3%BC%26%3D%2b%20/:@&store=a");
    CHECK(both.good);
    CHECK(both.subject == "ü&=+ /:@");
    CHECK(both.store == "a");
    CHECK(parse("subject=a=b").subject == "a=b");
}

TEST_CASE("a query that is not exactly of the known parameters is refused")
{
    for (const auto query : {"store",
                             "store=",
                             "=",
                             "=x",
                             "&",
                             "store=a&",
                             "&store=a",
                             "store=a&&subject=b",
                             "store=a&store=b",
                             "store=a&store=a",
                             "stores=a",
                             "STORE=a",
                             "%73tore=a",
                             "store=a&x=1",
                             "subject=%",
                             "subject=%4",
                             "subject=a%",
                             "subject=%zz",
                             "subject=%4z",
                             "subject=%+1",
                             "subject=%-1",
                             "subject=%00",
                             "subject=a+b"})
        CHECK_MESSAGE(!parse(query).good, query);
}
