#include "proto/timestamp.hpp"

#include "tests/unit/sample_data.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace coatcheck;

namespace {

std::string text_of(const timestamp& t)
{
    std::string out(rfc3339_max_length, '\0');
    out.resize(write_rfc3339(t, out.data()));
    return out;
}

} // namespace

TEST_CASE("RFC 3339 times are read")
{
    struct {
        std::string_view text;
        timestamp expected;
    } const cases[] = {
        {"1970-01-01T00:00:00Z", {0, 0}},
        {"1985-04-12T23:20:50.52Z", {482196050, 520000000}}, // the examples of RFC 3339 §5.8
        {"1996-12-19T16:39:57-08:00", {851042397, 0}},
        {"1937-01-01T12:00:27.87+00:20", {-1041337173, 870000000}},
        {"2024-02-29T00:00:00Z", {1709164800, 0}},
        {"2000-01-01t00:00:00z", {946684800, 0}},
        {"2000-01-01 00:00:00+00:00", {946684800, 0}},
        {"2000-01-01T00:00:00.123456789-00:00", {946684800, 123456789}},
        {"0000-01-01T00:00:00Z", {-62167219200, 0}},
        {"9999-12-31T23:59:59.999999999Z", {253402300799, 999999999}},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(parse_rfc3339(c.text) == c.expected);
    }
}

TEST_CASE("what is no RFC 3339 time, or finer than a nanosecond, is refused")
{
    for (const std::string_view text : {"",
                                        "2000",
                                        "2000-01-01",
                                        "2000-01-01T00:00:00",
                                        "2000-01-01T00:00Z",
                                        "2000-01-01T00:00:00.Z",
                                        "2000-01-01T00:00:00,5Z",
                                        "2000-13-01T00:00:00Z",
                                        "2000-00-01T00:00:00Z",
                                        "2000-01-00T00:00:00Z",
                                        "2000-01-32T00:00:00Z",
                                        "2001-02-29T00:00:00Z",
                                        "2000-01-01T24:00:00Z",
                                        "2000-01-01T00:60:00Z",
                                        "2016-12-31T23:59:60Z",
                                        "2000-01-01T00:00:00+24:00",
                                        "2000-01-01T00:00:00+00:60",
                                        "2000-01-01T00:00:00+0000",
                                        "2000-01-01T00:00:00 Z",
                                        "2000-01-01T00:00:00Zx",
                                        "2000-01-01T00:00:00.1234567890Z",
                                        "+2000-01-01T00:00:00Z",
                                        "20000-01-01T00:00:00Z",
                                        "2000-1-1T00:00:00Z",
                                        "2000-01-01T00:00:0xZ",
                                        "2000/01/01T00:00:00Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_rfc3339(text).has_value());
    }
    const std::string_view whole = "2000-01-01T00:00:00.5+01:00";
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK_FALSE(parse_rfc3339(whole.substr(0, n)).has_value());
}

TEST_CASE("times are written in UTC with as many digits as they need")
{
    CHECK(text_of({0, 0}) == "1970-01-01T00:00:00Z");
    CHECK(text_of({-1, 500000000}) == "1969-12-31T23:59:59.500Z");
    CHECK(text_of({951782400, 1000}) == "2000-02-29T00:00:00.000001Z");
    CHECK(text_of({951782399, 1}) == "2000-02-28T23:59:59.000000001Z");
    CHECK(text_of({-62167219200, 0}) == "0000-01-01T00:00:00Z");
    CHECK(text_of({253402300799, 999999999}).size() == rfc3339_max_length);
}

TEST_CASE("times beyond the years 0 to 9999 are not written")
{
    CHECK(text_of({-62167219201, 999999999}).empty());
    CHECK(text_of({253402300800, 0}).empty());
    CHECK(text_of({INT64_MIN, 0}).empty());
    CHECK(text_of({INT64_MAX, 999999999}).empty());
}

TEST_CASE("every time survives the way through its text and through MessagePack")
{
    const auto seed = test::new_seed();
    CAPTURE(seed);
    test::sample_data sample(seed);
    for (int i = 0; i < 20000; ++i) {
        const timestamp t{static_cast<std::int64_t>(sample.number(62167219200 + 253402300800)) - 62167219200,
                          static_cast<std::uint32_t>(sample.number(2) == 0 ? 0 : sample.number(1'000'000'000))};
        CHECK(parse_rfc3339(text_of(t)) == t);
        std::array<char, 12> content;
        const std::size_t size = write_timestamp(t, content);
        CHECK(read_timestamp({content.data(), size}) == t);
    }
}

TEST_CASE("extensions of other lengths, or with a second's worth of nanoseconds, are no timestamps")
{
    for (std::size_t n = 0; n <= 16; ++n)
        CHECK(read_timestamp(std::string(n, '\0')).has_value() == (n == 4 || n == 8 || n == 12));
    CHECK_FALSE(read_timestamp(std::string_view("\xee\x6b\x28\x00\0\0\0\0", 8)).has_value());
    CHECK_FALSE(read_timestamp(std::string_view("\x3b\x9a\xca\x00\0\0\0\0\0\0\0\0", 12)).has_value());
}
