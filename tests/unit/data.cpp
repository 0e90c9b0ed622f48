#include "server/data.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;

namespace {

std::optional<media_type> accepted(std::string_view accept)
{
    return negotiate(accept, true);
}

} // namespace

TEST_CASE("who does not say what it takes gets JSON")
{
    CHECK(negotiate({}, false) == media_type::json);
    CHECK(accepted("*/*") == media_type::json);
    CHECK(accepted("text/html, */*;q=0.1") == media_type::json);
}

TEST_CASE("the type with the highest quality is chosen")
{
    CHECK(accepted("application/msgpack") == media_type::msgpack);
    CHECK(accepted("application/vnd.msgpack") == media_type::vnd_msgpack);
    CHECK(accepted("Application/JSON") == media_type::json);
    CHECK(accepted("application/json;q=0.5, application/msgpack;q=0.9") == media_type::msgpack);
    CHECK(accepted("application/json; q=1.000, application/msgpack; q=0.999") == media_type::json);
}

TEST_CASE("the most specific range decides")
{
    CHECK(accepted("application/*;q=0.2, application/msgpack;q=0.1") == media_type::json);
    CHECK(accepted("*/*, application/json;q=0") == media_type::msgpack);
}

TEST_CASE("who takes none of the types is told so")
{
    CHECK_FALSE(accepted("text/html"));
    CHECK_FALSE(accepted("application/json;q=0"));
    CHECK_FALSE(accepted(""));
}

TEST_CASE("damaged data is written in no form")
{
    for (const std::string_view damaged : {"", "\xc1", "\x80\x80", "\x82\xa1n\x01", "\x93\x01\x02\x03", "\xa1n"})
        for (const auto type : {media_type::json, media_type::msgpack, media_type::vnd_msgpack}) {
            std::string out;
            CHECK(write_data(damaged, type, {}, out).has_error());
        }
    for (const std::string_view sound : {"\x80", "\x81\xa1n\x01", "\x81\xa1n\x92\x81\xa1m\xc0\x07"}) {
        std::string out;
        CHECK(write_data(sound, media_type::msgpack, {}, out).has_value());
        CHECK(out == sound);
    }
}
