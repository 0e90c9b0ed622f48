#include "tests/unit/codec.hpp"

#include <vector>

using namespace coatcheck;
using namespace coatcheck::test;

TEST_CASE("each MessagePack type has its JSON, whatever the width of its encoding")
{
    struct {
        std::string_view hex;
        std::string_view json;
    } const cases[] = {
        {"c0", "null"},
        {"c2", "false"},
        {"c3", "true"},
        {"cf 00 00 00 00 00 00 00 05", "5"},
        {"cf ff ff ff ff ff ff ff ff", "18446744073709551615"},
        {"d3 80 00 00 00 00 00 00 00", "-9223372036854775808"},
        {"d3 00 00 00 00 00 00 00 05", "5"},
        {"d0 80", "-128"},
        {"d1 ff 7f", "-129"},
        {"e0", "-32"},
        {"ca 3f 80 00 00", "1.0"},
        {"ca 3d cc cc cd", "0.10000000149011612"},
        {"cb 3f b9 99 99 99 99 99 9a", "0.1"},
        {"cb 44 b5 2d 02 c7 e1 4a f6", "1e+23"},
        {"cb 80 00 00 00 00 00 00 00", "-0.0"},
        {"cb 43 40 00 00 00 00 00 00", "9007199254740992.0"},
        {"ca 7f c0 00 00", R"({"$float":"NaN"})"},
        {"cb ff f8 00 00 00 00 00 01", R"({"$float":"NaN"})"},
        {"ca 7f 80 00 00", R"({"$float":"Infinity"})"},
        {"cb ff f0 00 00 00 00 00 00", R"({"$float":"-Infinity"})"},
        {"c5 00 02 00 ff", R"({"$bytes":"AP8="})"},
        {"c4 00", R"({"$bytes":""})"},
        {"d4 80 00", R"({"$ext":[-128,"AA=="]})"},
        {"c7 00 07", R"({"$ext":[7,""]})"},
        {"d6 ff 00 00 00 00", R"({"$time":"1970-01-01T00:00:00Z"})"},
        {"d7 ff ee 6b 27 fc 00 00 00 00", R"({"$time":"1970-01-01T00:00:00.999999999Z"})"},
        {"d7 ff ee 6b 28 00 00 00 00 00", R"({"$ext":[-1,"7msoAAAAAAA="]})"},
        {"c7 0c ff 00 00 00 00 ff ff ff f1 86 8b 84 00", R"({"$time":"0000-01-01T00:00:00Z"})"},
        {"c7 0c ff 00 00 00 00 ff ff ff f1 86 8b 83 ff", R"({"$ext":[-1,"AAAAAP////GGi4P/"]})"},
        {"c7 0c ff 3b 9a c9 ff 00 00 00 3a ff f4 41 7f", R"({"$time":"9999-12-31T23:59:59.999999999Z"})"},
        {"c7 0c ff 00 00 00 00 00 00 00 3a ff f4 41 80", R"({"$ext":[-1,"AAAAAAAAADr/9EGA"]})"},
        {"d5 ff 00 00", R"({"$ext":[-1,"AAA="]})"},
        {"d9 01 61", "\"a\""},
        {"dc 00 01 90", "[[]]"},
        {"df 00 00 00 01 a1 61 80", R"({"a":{}})"},
        {"82 01 a1 61 a1 62 91 02", R"({"$map":[[1,"a"],["b",[2]]]})"},
        {"82 a1 62 91 02 01 a1 61", R"({"$map":[["b",[2]],[1,"a"]]})"},
        {"81 a1 24 c0", R"({"$$":null})"},
        {"81 a6 24 62 79 74 65 73 a1 24", R"({"$$bytes":"$"})"},
        {"81 81 a2 24 61 c0 a1 24", R"({"$map":[[{"$$a":null},"$"]]})"},
        {"92 81 c0 c0 82 a1 61 81 c0 c0 a1 62 80", R"([{"$map":[[null,null]]},{"a":{"$map":[[null,null]]},"b":{}}])"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.hex);
        CHECK(unpacked(from_hex(c.hex)) == c.json);
    }
}

TEST_CASE("strings are escaped where JSON needs it and nowhere else")
{
    CHECK(unpacked(from_hex("a8 22 5c 2f 08 0c 0a 0d 09")) == R"("\"\\/\b\f\n\r\t")");
    CHECK(unpacked(from_hex("a4 00 1f 20 7f")) == "\"\\u0000\\u001f \x7f\"");
    CHECK(unpacked("\xa6€é~") == "\"€é~\"");
    // At every place of the eight bytes that are looked at together.
    for (std::size_t at = 0; at < 20; ++at) {
        CAPTURE(at);
        std::string text(20, 'x');
        text[at] = '"';
        std::string expected = text;
        expected.insert(at, "\\");
        CHECK(unpacked("\xb4" + text) == '"' + expected + '"');
    }
}

TEST_CASE("data that is not a map with string keys is not shown")
{
    for (const std::string_view hex : {"c0", "90", "a0", "81 01 c0", "82 a1 61 c0 c0 c0", "82 a1 61 81 c0 c0 01 c0"}) {
        CAPTURE(hex);
        CHECK(refused(msgpack_to_json, from_hex(hex)).code == errc::not_a_map);
        CHECK(refused(normalize_msgpack, from_hex(hex)).code == errc::not_a_map);
    }
}

TEST_CASE("MessagePack that is cut short, followed by something or no MessagePack is malformed")
{
    const std::string whole = converted(
        json_to_msgpack,
        R"({"a":[1,200,-300,70000,5000000000,-5000000000,2.5,"text",true],"b":{"$bytes":"AP8="},"c":{"$ext":[7,"AA=="]},)"
        R"("d":{"$map":[[1,2],[[],{"e":{"$time":"2024-01-02T03:04:05Z"}}]]},"f":")" +
            std::string(300, 'x') + "\"}");
    for (const conversion convert : {&msgpack_to_json, &normalize_msgpack}) {
        converted(convert, whole);
        for (std::size_t n = 0; n < whole.size(); ++n) {
            CAPTURE(n);
            const data_error e = refused(convert, std::string(whole.substr(0, n)));
            CHECK(e.code == errc::malformed);
            CHECK(e.offset == n);
        }
        const data_error more = refused(convert, whole + '\xc0');
        CHECK(more.code == errc::malformed);
        CHECK(more.offset == whole.size());
        const data_error never_used = refused(convert, from_hex("82 a1 61 c0 a1 62 c1"));
        CHECK(never_used.code == errc::malformed);
        CHECK(never_used.offset == 6);
    }
}

TEST_CASE("lengths and counts that lie are no more than malformed")
{
    for (const conversion convert : {&msgpack_to_json, &normalize_msgpack}) {
        for (const std::string_view hex :
             {"df ff ff ff ff", "df ff ff ff ff a1 61", "81 a1 61 dd ff ff ff ff c0", "81 a1 61 db ff ff ff ff 61",
              "81 a1 61 c6 ff ff ff ff", "81 a1 61 c9 ff ff ff ff 01", "81 db ff ff ff ff"}) {
            CAPTURE(hex);
            CHECK(refused(convert, from_hex(hex)).code == errc::malformed);
        }
    }
}

TEST_CASE("invalid UTF-8 in MessagePack strings is refused, with its place")
{
    for (const conversion convert : {&msgpack_to_json, &normalize_msgpack}) {
        for (const std::string_view bad : {"80", "c3", "e2 82", "c0 af", "ed a0 80", "f4 90 80 80"}) {
            CAPTURE(bad);
            const std::string text = "0123456789é" + from_hex(bad);
            const std::string str = static_cast<char>(0xa0U + text.size()) + text;
            const data_error in_value = refused(convert, "\x81\xa1v" + str);
            CHECK(in_value.code == errc::malformed);
            CHECK(in_value.offset == 4 + 12);
            CHECK(refused(convert, "\x81" + str + '\xc0').offset == 2 + 12);
            CHECK(refused(convert, "\x81\xa1v\x81" + str + '\xc0').offset == 5 + 12);
        }
    }
}

TEST_CASE("MessagePack's depth is limited as JSON's is")
{
    for (const conversion convert : {&msgpack_to_json, &normalize_msgpack}) {
        for (const std::string_view level : {"\x91", "\x81\xa1k", "\x81\xc0"}) {
            converted(convert, "\x81\xa1v" + repeated(level, 63) + '\xc0');
            for (const std::size_t levels : {64, 65, 300000}) {
                const data_error e = refused(convert, "\x81\xa1v" + repeated(level, levels) + '\xc0');
                CHECK(e.code == errc::malformed);
                CHECK(e.reason == "nested too deeply");
            }
        }
        // In keys of keys.
        converted(convert, "\x81\xa1v" + repeated("\x81", 63) + repeated("\xc0", 64));
        CHECK(refused(convert, "\x81\xa1v" + repeated("\x81", 300000)).code == errc::malformed);
    }
}

TEST_CASE("MessagePack above the limit is not read")
{
    const std::string data = "\x81\xa1v\xda\x03\xe8" + std::string(1000, 'x');
    for (const conversion convert : {&msgpack_to_json, &normalize_msgpack}) {
        converted(convert, data, {.bytes = data.size()});
        CHECK(refused(convert, data, {.bytes = data.size() - 1}).code == errc::too_large);
    }
}

TEST_CASE("JSON is appended, also where it took a second look")
{
    std::string out = "before";
    REQUIRE(msgpack_to_json(from_hex("81 a1 76 82 a1 61 c0 c0 c0"), {}, out).has_value());
    CHECK(out == R"(before{"v":{"$map":[["a",null],[null,null]]}})");
}
