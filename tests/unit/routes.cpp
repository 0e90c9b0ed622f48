#include "server/routes.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

route found(std::string_view target)
{
    static std::string decoded;
    const auto r = find_route(target, decoded);
    REQUIRE(r);
    return *r;
}

bool is_refused(std::string_view target)
{
    std::string decoded;
    return !find_route(target, decoded);
}

} // namespace

TEST_CASE("a session is found under each form of its path")
{
    CHECK(found("/v1/sessions/abc").what == resource::session);
    CHECK(found("/v1/sessions/abc").id == "abc");
    CHECK(found("/v1/sessions/abc").store == "default");
    CHECK(found("/v1/session").what == resource::session);
    CHECK_FALSE(found("/v1/session").id_in_path);
    CHECK(found("/v1/stores/hot/session").store == "hot");
    CHECK(found("/v1/stores/hot/sessions/abc/touch").what == resource::session_touch);
    CHECK(found("/v1/stores/hot/sessions/abc/touch").id == "abc");
}

TEST_CASE("paths near to a resource are nothing")
{
    for (const auto target : {"/", "//", "/v1", "/v1/", "/v1/session/", "/v1/session/nothing", "/v1/sessions/abc/",
                              "/v2/session", "/v1/sessions/abc/touch/more", "/v1/stores/", "/v1/stores/hot",
                              "/healthz/", "/V1/session", "/v1//session", "/v1/handles"})
        CHECK_MESSAGE(found(target).what == resource::unknown, target);
}

TEST_CASE("a query is no part of the path")
{
    CHECK(found("/v1/session?peek").what == resource::session);
    CHECK(has_flag(found("/v1/session?peek"), "peek"));
    CHECK(has_flag(found("/v1/session?peek="), "peek"));
    CHECK_FALSE(has_flag(found("/v1/session?peek=1"), "peek"));
    CHECK_FALSE(has_flag(found("/v1/session?peeks"), "peek"));
    CHECK_FALSE(has_flag(found("/v1/session?peek&peek"), "peek"));
}

TEST_CASE("percent-encoded characters of an id are decoded")
{
    CHECK(found("/v1/sessions/a%2Cb%3ac").id == "a,b:c");
}

TEST_CASE("an encoding that would change what the path means is refused")
{
    for (const auto target :
         {"/v1/sessions/a%2fb", "/v1/sessions/a%00b", "/v1/sessions/a%", "/v1/sessions/a%2", "/v1/%zz"})
        CHECK_MESSAGE(is_refused(target), target);
}

TEST_CASE("every method that Allow names is allowed, and no other")
{
    CHECK(allows(resource::session, method::put));
    CHECK(allows(resource::session, method::del));
    CHECK_FALSE(allows(resource::session, method::post));
    CHECK_FALSE(allows(resource::session, method::unsupported));
    CHECK(allows(resource::sessions, method::post));
    CHECK_FALSE(allows(resource::metrics, method::del));
}
