#include "backends/uwsgi/packet.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace coatcheck;
using namespace std::chrono_literals;
using namespace std::string_literals;
using uwsgi::command;
using uwsgi::reply_parser;

namespace {

std::string packet(const uwsgi::request& r)
{
    std::string out = "before";
    append(r, out);
    return out.substr(6);
}

const std::string yes = "o\x0c\x00\x11\x06\x00status\x02\x00ok"s;
const std::string with_value = "o\x2a\x00\x11\x06\x00status\x02\x00ok\x04\x00size\x01\x00"
                               "7\x07\x00"
                               "expires\x0a\x00"
                               "1795556739a\0b\r\no\x0c"s;

// Why `bytes`, which come one by one, are no reply; "" if they are, or may become one.
std::string refusal_of(std::string_view bytes, std::size_t limit = 100)
{
    reply_parser parser(limit);
    for (const char& byte : bytes) {
        const auto whole = parser.feed({&byte, 1});
        if (!whole) {
            CHECK(whole.error().code == errc::unavailable);
            return whole.error().detail;
        }
    }
    return "";
}

std::string variables(const std::vector<std::pair<std::string, std::string>>& all)
{
    std::string body;
    for (const auto& [name, value] : all)
        for (const auto& text : {name, value})
            body += std::string{static_cast<char>(text.size()), '\0'} + text;
    return "o" + std::string{static_cast<char>(body.size()), '\0'} + "\x11" + body;
}

} // namespace

TEST_CASE("uwsgi: a request is a packet of variables, and the value after it")
{
    CHECK(packet({.what = command::get, .cache = "sessions", .key = "a"}) == "o\x23\x00\x11\x03\x00"
                                                                             "cmd\x03\x00get\x03\x00key\x01\x00"
                                                                             "a\x05\x00"
                                                                             "cache\x08\x00sessions"s);
    CHECK(packet({.what = command::del, .cache = "c", .key = "\0\xff"s}) == "o\x1d\x00\x11\x03\x00"
                                                                            "cmd\x03\x00"
                                                                            "del\x03\x00key\x02\x00\0\xff\x05\x00"
                                                                            "cache\x01\x00"
                                                                            "c"s);
    const auto set = packet({.what = command::set, .cache = "c", .key = "k", .value = "red", .lifetime = 60s});
    CHECK(set == "o\x32\x00\x11\x03\x00"
                 "cmd\x03\x00set\x03\x00key\x01\x00k\x05\x00"
                 "cache\x01\x00"
                 "c\x04\x00size\x01\x00"
                 "3\x07\x00"
                 "expires\x02\x00"
                 "60red"s);
    const auto update = packet({.what = command::update, .cache = "c", .key = "k", .value = "red", .lifetime = 60s});
    CHECK(update.substr(0, 4) == "o\x35\x00\x11"s);
    CHECK(update.find("update") == 11);
}

TEST_CASE("uwsgi: lengths are little endian in two bytes, and a value is not counted")
{
    const std::string key(300, 'k');
    const auto bytes =
        packet({.what = command::set, .cache = "c", .key = key, .value = std::string(100'000, 'v'), .lifetime = 1s});
    const auto length = static_cast<unsigned char>(bytes[1]) + 256 * static_cast<unsigned char>(bytes[2]);
    CHECK(bytes.size() == 4U + static_cast<unsigned>(length) + 100'000);
    CHECK(bytes.find("key\x2c\x01kkk"s) != std::string::npos);
}

TEST_CASE("uwsgi: a reply is the same wherever its bytes are split")
{
    for (const auto& text : {yes, with_value}) {
        for (std::size_t first = 0; first <= text.size(); ++first) {
            for (std::size_t second = first; second <= text.size(); ++second) {
                reply_parser parser;
                CHECK(!parser.begun());
                const std::string_view view(text);
                bool whole = false;
                for (const auto part :
                     {view.substr(0, first), view.substr(first, second - first), view.substr(second)}) {
                    const auto fed = parser.feed(part);
                    REQUIRE_MESSAGE(fed.has_value(), "split at ", first, " and ", second);
                    whole = *fed;
                }
                REQUIRE(whole);
                CHECK(parser.begun());
                CHECK(parser.value().has_value() == (text == with_value));
                if (parser.value())
                    CHECK(parser.take_value() == "a\0b\r\no\x0c"s);
            }
        }
    }
}

TEST_CASE("uwsgi: no part of a reply is taken for one")
{
    for (const auto& text : {yes, with_value}) {
        for (std::size_t length = 0; length < text.size(); ++length) {
            reply_parser parser;
            const auto fed = parser.feed(std::string_view(text).substr(0, length));
            REQUIRE(fed.has_value());
            CHECK(!*fed);
        }
    }
}

TEST_CASE("uwsgi: what is no reply, or not the only one, is refused")
{
    for (const auto& bytes :
         {"HTTP/1.1 200 OK\r\n"s, "p\x0c\x00\x11\x06\x00status\x02\x00ok"s, "o\x0c\x00\x12\x06\x00status\x02\x00ok"s,
          "o\0\0\x11"s, variables({}), variables({{"status", "notfound"}}), variables({{"size", "1"}}) + "a",
          variables({{"status", "ok"}, {"size", ""}}), variables({{"status", "ok"}, {"size", "-1"}}),
          variables({{"status", "ok"}, {"size", "1x"}}), variables({{"status", "ok"}, {"size", "101"}}),
          variables({{"status", "ok"}, {"size", "99999999999999999999"}}), "o\x05\x00\x11\x06\x00sta"s,
          "o\x08\x00\x11\x06\x00status"s, "o\x09\x00\x11\x06\x00status\x02"s, yes + "o", with_value + "x"}) {
        CAPTURE(bytes);
        CHECK(refusal_of(bytes).starts_with("no reply of a uWSGI cache"));
    }
    CHECK(refusal_of(variables({{"status", "ok"}, {"size", "100"}}) + std::string(100, 'x')).empty());
    CHECK(refusal_of(variables({{"later", "word"}, {"", ""}, {"status", "ok"}})).empty());
}
