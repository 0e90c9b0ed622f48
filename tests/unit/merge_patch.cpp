#include "proto/merge_patch.hpp"
#include "tests/unit/codec.hpp"

#include <array>

namespace coatcheck::test {

namespace {

std::string merged(std::string_view target, std::string_view patch)
{
    std::string out;
    const auto done = merge_patch(converted(json_to_msgpack, target), converted(json_to_msgpack, patch), {}, out);
    REQUIRE(done.has_value());
    return converted(msgpack_to_json, out);
}

} // namespace

TEST_CASE("merge patch: the examples of RFC 7396, appendix A")
{
    struct row {
        std::string_view original;
        std::string_view patch;
        std::string_view result;
    };
    // Session data is a map, so what is none in the RFC's table stands behind a key here; its removal is the RFC's
    // null.
    constexpr auto rows = std::to_array<row>({
        {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
        {R"({"a":"b"})", R"({"a":null})", R"({})"},
        {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
        {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
        {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
        {R"({"v":["a","b"]})", R"({"v":["c","d"]})", R"({"v":["c","d"]})"},
        {R"({"v":{"a":"b"}})", R"({"v":["c"]})", R"({"v":["c"]})"},
        {R"({"v":{"a":"foo"}})", R"({"v":null})", R"({})"},
        {R"({"v":{"a":"foo"}})", R"({"v":"bar"})", R"({"v":"bar"})"},
        {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
        {R"({"v":[1,2]})", R"({"v":{"a":"b","c":null}})", R"({"v":{"a":"b"}})"},
        {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
    });
    for (const auto& [original, patch, result] : rows) {
        CAPTURE(original);
        CAPTURE(patch);
        CHECK(merged(original, patch) == result);
    }
}

TEST_CASE("merge patch: escapes are atoms, and nulls in arrays stay")
{
    CHECK(merged(R"({"m":{"$map":[[1,2]]}})", R"({"m":{"$map":[[3,null]]}})") == R"({"m":{"$map":[[3,null]]}})");
    CHECK(merged(R"({"m":{"a":1}})", R"({"m":{"$map":[[3,4]]}})") == R"({"m":{"$map":[[3,4]]}})");
    CHECK(merged(R"({"m":{"$map":[[3,4]]}})", R"({"m":{"a":1}})") == R"({"m":{"a":1}})");
    CHECK(merged(R"({"t":1})", R"({"t":{"$time":"2024-01-02T03:04:05Z"}})") ==
          R"({"t":{"$time":"2024-01-02T03:04:05Z"}})");
    CHECK(merged(R"({"b":{"x":1}})", R"({"b":{"$bytes":"AA=="}})") == R"({"b":{"$bytes":"AA=="}})");
    CHECK(merged(R"({"a":1})", R"({"a":[null,{"b":null}]})") == R"({"a":[null,{"b":null}]})");
    CHECK(merged(R"({"$$a":1})", R"({"$$a":null})") == R"({})");
}

TEST_CASE("merge patch: what is not named is kept byte for byte, in its order")
{
    const std::string target = from_hex("82 a1 61 d3 00 00 00 00 00 00 00 01 a1 62 ca 3f 80 00 00"); // wide encodings
    std::string out;
    REQUIRE(merge_patch(target, from_hex("81 a1 63 02"), {}, out).has_value());
    CHECK(to_hex(out) == to_hex(from_hex("83 a1 61 d3 00 00 00 00 00 00 00 01 a1 62 ca 3f 80 00 00 a1 63 02")));
    out.clear();
    REQUIRE(merge_patch(target, from_hex("80"), {}, out).has_value());
    CHECK(out == target);
}

TEST_CASE("merge patch: a result over the limit is refused, one at the limit is not")
{
    const std::string target = converted(json_to_msgpack, R"({"a":")" + std::string(100, 'x') + R"("})");
    const std::string patch = converted(json_to_msgpack, R"({"b":")" + std::string(100, 'y') + R"("})");
    std::string out;
    REQUIRE(merge_patch(target, patch, {}, out).has_value());
    const std::size_t size = out.size();
    out.clear();
    CHECK(merge_patch(target, patch, {.bytes = size}, out).has_value());
    out.clear();
    const auto refused = merge_patch(target, patch, {.bytes = size - 1}, out);
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == errc::too_large);
}

TEST_CASE("merge patch: ten thousand keys on each side take no quadratic time")
{
    std::string target = "{";
    std::string patch = "{";
    for (int i = 0; i < 10'000; ++i) {
        target += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
        patch += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + (i % 2 == 0 ? "\":null" : "\":2");
    }
    const std::string out = merged(target + "}", patch + "}");
    CHECK(out.starts_with(R"({"k1":2,"k3":2,)"));
    CHECK(out.ends_with(R"("k9999":2})"));
}

} // namespace coatcheck::test
