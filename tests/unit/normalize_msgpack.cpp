#include "tests/unit/codec.hpp"

#include <chrono>

using namespace coatcheck;
using namespace coatcheck::test;

namespace {

std::string normal(std::string_view hex)
{
    return to_hex(converted(normalize_msgpack, from_hex(hex)));
}

} // namespace

TEST_CASE("values keep the width of their encoding")
{
    for (const std::string_view value :
         {"05", "cc 05", "cd 00 05", "ce 00 00 00 05", "cf 00 00 00 00 00 00 00 05", "d0 05",
          "d3 ff ff ff ff ff ff ff ff", "ca 3f c0 00 00", "cb 3f f8 00 00 00 00 00 00", "d9 01 61", "da 00 01 61",
          "db 00 00 00 01 61", "c5 00 01 00", "c7 01 05 00", "c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 00",
          "ca 7f c0 00 01", "92 cc 05 81 a1 61 cc 05"}) {
        CAPTURE(value);
        const std::string document = "81 a1 76 " + std::string(value);
        CHECK(normal(document) == document);
    }
}

TEST_CASE("headers of maps and arrays, and keys, take the shortest form")
{
    CHECK(normal("df 00 00 00 01 d9 01 61 dd 00 00 00 01 c0") == "81 a1 61 91 c0");
    CHECK(normal("81 a1 76 84 cd 00 05 c0 d3 ff ff ff ff ff ff ff ff c0 c5 00 01 00 c0 ca 3f c0 00 00 c0") ==
          "81 a1 76 84 05 c0 ff c0 c4 01 00 c0 cb 3f f8 00 00 00 00 00 00 c0");
    CHECK(normal("81 a1 76 81 92 cc 05 de 00 01 d9 01 61 cc 06 cc 07") == "81 a1 76 81 92 05 81 a1 61 06 cc 07");
}

TEST_CASE("of duplicate keys the last one wins, whatever the width of their encoding")
{
    CHECK(normal("83 a1 61 01 a1 62 02 d9 01 61 03") == "82 a1 62 02 a1 61 03");
    CHECK(normal("81 a1 76 82 05 01 cf 00 00 00 00 00 00 00 05 02") == "81 a1 76 81 05 02");
    CHECK(normal("81 a1 76 82 05 01 d0 05 02") == "81 a1 76 81 05 02");
    CHECK(normal("81 a1 76 82 ca 3f c0 00 00 01 cb 3f f8 00 00 00 00 00 00 02") ==
          "81 a1 76 81 cb 3f f8 00 00 00 00 00 00 02");
    CHECK(normal("81 a1 76 82 ca 7f c0 00 01 01 cb ff f8 00 00 00 00 00 00 02") ==
          "81 a1 76 81 cb 7f f8 00 00 00 00 00 00 02");
    CHECK(normal("81 a1 76 82 d6 ff 00 00 00 00 01 c7 0c ff 00 00 00 00 00 00 00 00 00 00 00 00 02") ==
          "81 a1 76 81 d6 ff 00 00 00 00 02");
    CHECK(normal("81 a1 76 82 91 05 01 dc 00 01 cc 05 02") == "81 a1 76 81 91 05 02");
    CHECK(normal("81 a1 76 81 a1 61 83 a1 62 01 a1 62 02 a1 62 03") == "81 a1 76 81 a1 61 81 a1 62 03");
}

TEST_CASE("keys that only look the same are all kept")
{
    const std::string document = "81 a1 76 86 01 c0 cb 3f f0 00 00 00 00 00 00 c0 a1 31 c0 c4 01 31 c0 c3 c0 91 01 c0";
    CHECK(normal(document) == document);
}

TEST_CASE("a wide header of a map that duplicates empty becomes a short one")
{
    std::string document = "\x81\xa1v\xde" + from_hex("01 00");
    for (int i = 0; i < 256; ++i)
        document += std::string("\xa1k") + static_cast<char>(i / 2);
    CHECK(to_hex(converted(normalize_msgpack, document)) == "81 a1 76 81 a1 6b 7f");
}

TEST_CASE("a key that takes more room in its shortest form can pass the limit")
{
    const std::string document = from_hex("81 a1 76 81 ca 3f c0 00 00 c0");
    CHECK(refused(normalize_msgpack, document, {.bytes = document.size()}).code == errc::too_large);
    CHECK(converted(normalize_msgpack, document, {.bytes = document.size() + 4}).size() == document.size() + 4);
}

TEST_CASE("keys within keys are compared in bounded time")
{
    // Every level's key is the level below; each is written once.
    std::string document = "\x81\xa1v";
    document +=
        repeated("\x81", 62) + "\xdd" + from_hex("00 04 93 e0") + repeated("\xc0", 300000) + repeated("\xc0", 62);
    const auto begin = std::chrono::steady_clock::now();
    converted(normalize_msgpack, document);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}
