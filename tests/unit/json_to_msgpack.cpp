#include "tests/unit/codec.hpp"

#include <array>
#include <chrono>
#include <random>

using namespace coatcheck;
using namespace coatcheck::test;

TEST_CASE("JSON's own values take their shortest MessagePack form")
{
    struct {
        std::string_view json;
        std::string_view hex;
    } const cases[] = {
        {"null", "c0"},
        {"true", "c3"},
        {"false", "c2"},
        {"0", "00"},
        {"-0", "00"},
        {"127", "7f"},
        {"128", "cc 80"},
        {"256", "cd 01 00"},
        {"65536", "ce 00 01 00 00"},
        {"4294967296", "cf 00 00 00 01 00 00 00 00"},
        {"18446744073709551615", "cf ff ff ff ff ff ff ff ff"},
        {"-1", "ff"},
        {"-32", "e0"},
        {"-33", "d0 df"},
        {"-129", "d1 ff 7f"},
        {"-32769", "d2 ff ff 7f ff"},
        {"-2147483649", "d3 ff ff ff ff 7f ff ff ff"},
        {"-9223372036854775808", "d3 80 00 00 00 00 00 00 00"},
        {"1.0", "cb 3f f0 00 00 00 00 00 00"},
        {"1e0", "cb 3f f0 00 00 00 00 00 00"},
        {"-0.0", "cb 80 00 00 00 00 00 00 00"},
        {"\"\"", "a0"},
        {"\"\\u00e9\\ud83c\\udf7a\"", "a6 c3 a9 f0 9f 8d ba"},
        {"[]", "90"},
        {"{}", "80"},
        {"[1,[2],{\"a\":3}]", "93 01 91 02 81 a1 61 03"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.json);
        CHECK(to_hex(packed(c.json)) == c.hex);
    }
}

TEST_CASE("floats are read exactly")
{
    // Each is a neighbour of what rounding twice would give.
    CHECK(to_hex(packed("0.1")) == "cb 3f b9 99 99 99 99 99 9a");
    CHECK(to_hex(packed("9007199254740993.0")) == "cb 43 40 00 00 00 00 00 00");
    CHECK(to_hex(packed("2.2250738585072011e-308")) == "cb 00 0f ff ff ff ff ff ff");
    CHECK(to_hex(packed("1.7976931348623157e308")) == "cb 7f ef ff ff ff ff ff ff");
    CHECK(to_hex(packed("5e-324")) == "cb 00 00 00 00 00 00 00 01");
    CHECK(to_hex(packed("1e-400")) == "cb 00 00 00 00 00 00 00 00");
    CHECK(to_hex(packed("-1e-400")) == "cb 80 00 00 00 00 00 00 00");
    CHECK(to_hex(packed("18446744073709551616.0")) == "cb 43 f0 00 00 00 00 00 00");
}

TEST_CASE("a number that no 64 bits hold is refused")
{
    for (const std::string_view number :
         {"18446744073709551616", "-9223372036854775809", "100000000000000000000000000000000000000000", "1e309",
          "-1e309", "1e99999999999999999999", "-123123e100000"}) {
        CAPTURE(number);
        CHECK(refused(json_to_msgpack, "{\"v\":" + std::string(number) + "}").code == errc::malformed);
    }
}

TEST_CASE("lengths of strings, arrays and maps take the shortest header")
{
    struct {
        std::size_t length;
        std::string_view str, array, map;
    } const cases[] = {
        {15, "af", "9f", "8f"},
        {16, "b0", "dc 00 10", "de 00 10"},
        {31, "bf", "dc 00 1f", "de 00 1f"},
        {32, "d9 20", "dc 00 20", "de 00 20"},
        {256, "da 01 00", "dc 01 00", "de 01 00"},
        {65535, "da ff ff", "dc ff ff", "de ff ff"},
        {65536, "db 00 01 00 00", "dd 00 01 00 00", "df 00 01 00 00"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.length);
        std::string array;
        std::string map;
        std::string map_content;
        for (std::size_t i = 0; i < c.length; ++i) {
            array += i == 0 ? "7" : ",7";
            const std::string key = std::to_string(100000 + i);
            map += (i == 0 ? "\"" : ",\"") + key + "\":7";
            map_content += "\xa6" + key + "\x07";
        }
        CHECK(packed('"' + std::string(c.length, 'x') + '"') == from_hex(c.str) + std::string(c.length, 'x'));
        CHECK(packed('[' + array + ']') == from_hex(c.array) + std::string(c.length, '\x07'));
        CHECK(packed('{' + map + '}') == from_hex(c.map) + map_content);
    }
}

TEST_CASE("escapes in JSON stand for MessagePack's other types")
{
    struct {
        std::string_view json;
        std::string_view hex;
    } const cases[] = {
        {R"({"$bytes":""})", "c4 00"},
        {R"({"$bytes":"AP8="})", "c4 02 00 ff"},
        {R"({"$bytes":"+\/+\/"})", "c4 03 fb ff bf"},
        {R"({"\u0024bytes":"AP8="})", "c4 02 00 ff"},
        {R"({"$float":"NaN"})", "cb 7f f8 00 00 00 00 00 00"},
        {R"({"$float":"Infinity"})", "cb 7f f0 00 00 00 00 00 00"},
        {R"({"$float":"-Infinity"})", "cb ff f0 00 00 00 00 00 00"},
        {R"({"$ext":[7,"cHFy"]})", "c7 03 07 70 71 72"},
        {R"({"$ext":[-128,"AA=="]})", "d4 80 00"},
        {R"({"$ext":[127,"AAECAwQFBgcICQoLDA0ODw=="]})", "d8 7f 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f"},
        {R"({"$time":"1970-01-01T00:00:00Z"})", "d6 ff 00 00 00 00"},
        {R"({"$time":"1970-01-01T01:30:00.5+01:30"})", "d7 ff 77 35 94 00 00 00 00 00"},
        {R"({"$time":"1969-12-31T23:59:59Z"})", "c7 0c ff 00 00 00 00 ff ff ff ff ff ff ff ff"},
        {R"({"$ext":[-1,"AAAAAAAAAAAAAAAA"]})", "d6 ff 00 00 00 00"},
        {R"({"$map":[]})", "80"},
        {R"({"$map":[[1,"a"],["b",[2]]]})", "82 01 a1 61 a1 62 91 02"},
        {R"({"$map":[[{"$map":[[null,{"$bytes":"AA=="}]]},{"$map":[[true,false]]}]]})", "81 81 c0 c4 01 00 81 c3 c2"},
        {R"({"$map":[[{"$time":"1970-01-01T00:00:00Z"},1],[{"$float":"NaN"},2]]})",
         "82 d6 ff 00 00 00 00 01 cb 7f f8 00 00 00 00 00 00 02"},
        {R"([{"$bytes":"AA=="},{"$bytes":"AQ=="}])", "92 c4 01 00 c4 01 01"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.json);
        CHECK(to_hex(packed(c.json)) == c.hex);
    }
}

TEST_CASE("a key that begins with $ loses one")
{
    CHECK(to_hex(packed(R"({"$$":1,"$$$a":2,"$$bytes":3,"a$":4})")) ==
          "84 a1 24 01 a3 24 24 61 02 a6 24 62 79 74 65 73 03 a2 61 24 04");
    CHECK(to_hex(packed(R"({"\u0024\u0024x":1})")) == "81 a2 24 78 01");
}

TEST_CASE("a key that begins with $ and is no escape, or not alone, is refused with the way to write it")
{
    for (const std::string_view json :
         {R"({"v":{"$":1}})", R"({"v":{"$ref":1}})", R"({"v":{"$Bytes":"AA=="}})", R"({"v":{"$bytes":"AA==","a":1}})",
          R"({"v":{"a":1,"$bytes":"AA=="}})", R"({"v":{"$bytes":"AA==","$bytes":"AA=="}})", R"({"$where":1})"}) {
        CAPTURE(json);
        const data_error e = refused(json_to_msgpack, json);
        CHECK(e.code == errc::malformed);
        CHECK(e.reason.find("$$") != std::string_view::npos);
    }
}

TEST_CASE("an escape that holds something else is refused")
{
    for (const std::string_view escape : {R"({"$bytes":1})",
                                          R"({"$bytes":null})",
                                          R"({"$bytes":{}})",
                                          R"({"$bytes":[]})",
                                          R"({"$bytes":"A"})",
                                          R"({"$bytes":"AA"})",
                                          R"({"$bytes":"A==="})",
                                          R"({"$bytes":"===="})",
                                          R"({"$bytes":"AA==AA=="})",
                                          R"({"$bytes":" AA="})",
                                          R"({"$bytes":"AA=\n"})",
                                          R"({"$bytes":"-_-_"})",
                                          R"({"$float":"nan"})",
                                          R"({"$float":1.5})",
                                          R"({"$float":""})",
                                          R"({"$time":0})",
                                          R"({"$time":"yesterday"})",
                                          R"({"$ext":7})",
                                          R"({"$ext":[]})",
                                          R"({"$ext":[7]})",
                                          R"({"$ext":["cHFy",7]})",
                                          R"({"$ext":[7,"cHFy",1]})",
                                          R"({"$ext":[128,"AA=="]})",
                                          R"({"$ext":[-129,"AA=="]})",
                                          R"({"$ext":[18446744073709551615,"AA=="]})",
                                          R"({"$ext":[7.0,"AA=="]})",
                                          R"({"$ext":[7,"A"]})",
                                          R"({"$ext":[7,[]]})",
                                          R"({"$ext":[{},"AA=="]})",
                                          R"({"$map":{}})",
                                          R"({"$map":"a"})",
                                          R"({"$map":[1]})",
                                          R"({"$map":[[]]})",
                                          R"({"$map":[[1]]})",
                                          R"({"$map":[[1,2,3]]})",
                                          R"({"$map":[{"a":1}]})"}) {
        CAPTURE(escape);
        CHECK(refused(json_to_msgpack, "{\"v\":" + std::string(escape) + "}").code == errc::malformed);
    }
}

TEST_CASE("data that is not a map with string keys is no session")
{
    for (const std::string_view json : {"[]", "null", "1", "-1", "1.5", "\"a\"", "true", R"({"$bytes":"AA=="})",
                                        R"({"$map":[["a",1]]})", R"({"$time":"1970-01-01T00:00:00Z"})"}) {
        CAPTURE(json);
        CHECK(refused(json_to_msgpack, json).code == errc::not_a_map);
    }
}

TEST_CASE("of duplicate keys the last one wins, at every level")
{
    CHECK(to_hex(packed(R"({"a":1,"b":2,"a":3})")) == "82 a1 62 02 a1 61 03");
    CHECK(to_hex(packed(R"({"a":{"x":1,"x":2},"a":{"y":1,"y":[1,2]}})")) == "81 a1 61 81 a1 79 92 01 02");
    CHECK(to_hex(packed(R"({"a":1,"\u0061":2})")) == "81 a1 61 02");
    CHECK(to_hex(packed(R"({"$map":[[1,"a"],[2,"b"],[1,"c"]]})")) == "82 02 a1 62 01 a1 63");
    CHECK(to_hex(packed(R"({"$map":[[1,"a"],[1.0,"b"],["1","c"]]})")) ==
          "83 01 a1 61 cb 3f f0 00 00 00 00 00 00 a1 62 a1 31 a1 63");
    CHECK(to_hex(packed(R"({"$map":[[{"a":1,"b":2,"b":1},1],[{"a":1,"b":1},2]]})")) == "81 82 a1 61 01 a1 62 01 02");
}

TEST_CASE("duplicates are found among many keys, and shorten the header")
{
    for (const std::size_t distinct : {1, 2, 15, 16, 31, 32, 33, 100, 70000}) {
        CAPTURE(distinct);
        std::string json;
        std::string expected;
        for (std::size_t round = 0; round < 3; ++round) {
            for (std::size_t i = 0; i < distinct; ++i) {
                const std::string key = "same beginning " + std::to_string(100000 + i) + " and the same end";
                json += (json.empty() ? "\"" : ",\"") + key + "\":" + std::to_string(round);
                if (round == 2)
                    expected += "\xd9" + std::string(1, static_cast<char>(key.size())) + key + "\x02";
            }
        }
        const std::string out = packed('{' + json + '}');
        CHECK(out.substr(distinct < 16 ? 1 : distinct < 65536 ? 3 : 5) == expected);
    }
}

TEST_CASE("a hundred thousand keys take no quadratic time, even those made to look alike")
{
    const auto taken = [](auto key_of) {
        std::string json = "{";
        for (std::size_t i = 0; i < 100000; ++i)
            json += (i == 0 ? "\"" : ",\"") + key_of(i) + "\":1";
        json += '}';
        const auto begin = std::chrono::steady_clock::now();
        converted(json_to_msgpack, json, {.bytes = 16U << 20U});
        return std::chrono::steady_clock::now() - begin;
    };
    // Quadratic, the first would take 5 * 10^9 comparisons; sanitizers make all of it ten times slower.
    CHECK(taken([](std::size_t i) { return "beginning" + std::to_string(100000 + i) + "and the end"; }) <
          std::chrono::seconds(3));
    CHECK(taken([](std::size_t i) { return std::to_string(i % 10); }) < std::chrono::seconds(3));
}

TEST_CASE("depth counts maps and arrays of the data, not the brackets of escapes")
{
    const data_limits limits{.depth = 3};
    CHECK(converted(json_to_msgpack, R"({"a":[{}]})", limits) == from_hex("81 a1 61 91 80"));
    CHECK(converted(json_to_msgpack, R"({"a":[[{"$ext":[1,"AA=="]}]]})", limits) ==
          from_hex("81 a1 61 91 91 d4 01 00"));
    CHECK(converted(json_to_msgpack, R"({"a":{"$map":[[{"$map":[[1,{"$bytes":"AA=="}]]},2]]}})", limits) ==
          from_hex("81 a1 61 81 81 01 c4 01 00 02"));
    for (const std::string_view json :
         {R"({"a":[[[]]]})", R"({"a":[[{}]]})", R"({"a":[[{"b":1}]]})", R"({"a":{"$map":[[{"$map":[[[],1]]},2]]}})"}) {
        CAPTURE(json);
        const data_error e = refused(json_to_msgpack, json, limits);
        CHECK(e.code == errc::malformed);
        CHECK(e.reason == "nested too deeply");
    }
}

TEST_CASE("64 levels are allowed, 65 and a million are refused")
{
    const auto nested = [](std::string_view open, std::size_t levels, std::string_view inner, std::string_view close) {
        return "{\"v\":" + repeated(open, levels - 1) + std::string(inner) + repeated(close, levels - 1) + "}";
    };
    CHECK(converted(json_to_msgpack, nested("[", 64, "1", "]")).size() > 64);
    CHECK(converted(json_to_msgpack, nested("{\"$map\":[[", 64, "1", ",2]]}")).size() > 64);
    for (const std::size_t levels : {65, 66, 1000, 1000000}) {
        CAPTURE(levels);
        CHECK(refused(json_to_msgpack, nested("[", levels, "1", "]")).code == errc::malformed);
        CHECK(refused(json_to_msgpack, nested("{\"a\":", levels, "1", "}")).code == errc::malformed);
        CHECK(refused(json_to_msgpack, nested("{\"$map\":[[", levels, "1", ",2]]}")).code == errc::malformed);
    }
}

TEST_CASE("the size limit is that of the MessagePack, exactly")
{
    const std::string json = R"({"v":")" + std::string(1000, 'x') + "\"}";
    const std::size_t size = converted(json_to_msgpack, json).size();
    CHECK(converted(json_to_msgpack, json, {.bytes = size}).size() == size);
    CHECK(refused(json_to_msgpack, json, {.bytes = size - 1}).code == errc::too_large);
    CHECK(refused(json_to_msgpack, json, {.bytes = 10}).code == errc::too_large);
    CHECK(refused(json_to_msgpack, "{\"v\":[" + repeated("0.0,", 100000) + "0.0]}", {.bytes = 800000}).code ==
          errc::too_large);
    const std::string escaped = R"({"v":")" + repeated("\\u0041", 1000) + "\"}";
    CHECK(converted(json_to_msgpack, escaped, {.bytes = size}).size() == size);
}

TEST_CASE("a refused document leaves nothing behind for the next")
{
    refused(json_to_msgpack, R"({"a":{"b":["\u0041)");
    refused(json_to_msgpack, "{\"v\":\"" + std::string(5000, 'x') + "\"}", {.bytes = 100});
    refused(json_to_msgpack, R"({"a":{"$map":[[1,2],[3)");
    CHECK(to_hex(packed(R"({"a":1,"b":"\u0041"})")) == "82 a1 61 01 a1 62 a1 41");
}

TEST_CASE("the result is appended")
{
    std::string out = "before";
    REQUIRE(json_to_msgpack("{}", {}, out).has_value());
    CHECK(out == "before\x80");
}

TEST_CASE("every truncation is malformed")
{
    const std::string_view json =
        R"({"a":[1,-2.5e3,true,false,null,"é\u00e9\ud83c\udf7a\n"],"b":{"$bytes":"AP8="},"c":{"$time":"2024-01-02T03:04:05Z"},)"
        R"("d":{"$ext":[7,"AA=="]},"e":{"$map":[[1,{"$float":"NaN"}],[[],{}]]},"$$f":{"x":{"y":[{}]}}})";
    converted(json_to_msgpack, json);
    for (std::size_t n = 0; n < json.size(); ++n) {
        CAPTURE(n);
        const std::string cut(json.substr(0, n));
        CHECK(refused(json_to_msgpack, cut).code == errc::malformed);
    }
}

TEST_CASE("errors say where they show")
{
    struct {
        std::string_view json;
        std::size_t offset;
    } const cases[] = {
        {"", 0},           {"{\"a\":1}x", 7},       {"{\"a\":1} {", 8}, {"{'a':1}", 1},
        {"{\"a\":1,}", 7}, {"{\"a\":\"\x01\"}", 6}, {"{\"a\":01}", 6},  {"\xef\xbb\xbf{}", 0},
    };
    for (const auto& c : cases) {
        CAPTURE(c.json);
        const data_error e = refused(json_to_msgpack, c.json);
        CHECK(e.code == errc::malformed);
        CHECK(e.offset == c.offset);
    }
}

TEST_CASE("invalid UTF-8 and halves of surrogate pairs are refused in keys and strings")
{
    for (const std::string_view text :
         {"\x80", "\xff", "\xc0\xaf", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80",
          "\\ud800", "\\udc00", "\\ud83c\\ud83c", "\\ud83cx", "\\ud83c\\n", "\\u12g4", "\\x", "a\\u00e9\xff"}) {
        CAPTURE(text);
        const std::string quoted = '"' + std::string(text) + '"';
        CHECK(refused(json_to_msgpack, "{\"v\":" + quoted + "}").code == errc::malformed);
        CHECK(refused(json_to_msgpack, "{" + quoted + ":1}").code == errc::malformed);
        CHECK(refused(json_to_msgpack, "{\"v\":\"a long run of text before " + std::string(text) + "\"}").code ==
              errc::malformed);
    }
}

TEST_CASE("a string with escapes is whole again, however long")
{
    for (const std::size_t n : {1, 30, 31, 32, 4095, 4096, 4097, 20000}) {
        CAPTURE(n);
        const std::string json = '"' + std::string(n, 'a') + "\\n" + repeated("\\u20ac", n) + "é\"";
        const std::string text = std::string(n, 'a') + "\n" + repeated("€", n) + "é";
        CHECK(packed(json).ends_with(text));
        CHECK(unpacked(packed(json)) == '"' + std::string(n, 'a') + "\\n" + repeated("€", n) + "é\"");
    }
}
