#include "backends/redis/resp.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace coatcheck;
using redis::reply;
using redis::reply_parser;
using type = redis::reply::type;
using namespace std::string_literals;

namespace {

// A reply that owns its text, to compare with.
struct owned {
    type what = type::nil;
    std::int64_t number = 0;
    std::string text;
    std::vector<owned> elements;

    owned(type w, std::string t) : what(w), text(std::move(t)) {}
    explicit owned(std::int64_t n) : what(type::integer), number(n) {}
    explicit owned(std::vector<owned> e) : what(type::array), elements(std::move(e)) {}
    owned() = default;
    explicit owned(const reply& r) : what(r.what), number(r.number), text(r.text)
    {
        for (const auto& e : r.elements)
            elements.emplace_back(e);
    }

    friend bool operator==(const owned&, const owned&) = default;
};

// Everything that is whole by now.
std::vector<owned> drain(reply_parser& parser)
{
    std::vector<owned> all;
    for (;;) {
        const auto next = parser.next();
        REQUIRE_MESSAGE(next.has_value(), next.error().detail);
        if (!*next)
            return all;
        all.emplace_back(**next);
    }
}

// Why the parser gives up on `bytes`; "" if it does not.
std::string refusal_of(std::string_view bytes, std::size_t limit = redis::max_reply)
{
    reply_parser parser({.bytes = limit});
    for (const char byte : bytes) {
        parser.feed({&byte, 1});
        const auto next = parser.next();
        if (!next)
            return next.error().detail;
    }
    return "";
}

const std::string transcript = "+OK\r\n"
                               "$3\r\nred\r\n"
                               ":-42\r\n"
                               "$-1\r\n"
                               "-NOSCRIPT No matching script.\r\n"
                               "$0\r\n\r\n"
                               "*3\r\n$6\r\nmaxmem\r\n:7\r\n$-1\r\n"
                               "*0\r\n"
                               "*-1\r\n"
                               "$8\r\na\0b\r\n$1\r\r\n"
                               ":9223372036854775807\r\n"s;

std::vector<owned> expected()
{
    return {owned(type::status, "OK"),
            owned(type::string, "red"),
            owned(-42),
            owned(),
            owned(type::error, "NOSCRIPT No matching script."),
            owned(type::string, ""),
            owned(std::vector<owned>{owned(type::string, "maxmem"), owned(7), owned()}),
            owned(std::vector<owned>{}),
            owned(),
            owned(type::string, std::string("a\0b\r\n$1\r", 8)),
            owned(std::int64_t{9223372036854775807})};
}

} // namespace

TEST_CASE("replies are the same wherever their bytes are split")
{
    const std::string& text = transcript;
    const auto want = expected();
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            reply_parser parser;
            std::vector<owned> got;
            const std::string_view view(text);
            for (const auto part : {view.substr(0, first), view.substr(first, second - first), view.substr(second)}) {
                parser.feed(part);
                for (auto& r : drain(parser))
                    got.push_back(std::move(r));
            }
            const bool same = got == want;
            REQUIRE_MESSAGE(same, "split at ", first, " and ", second);
        }
    }
}

TEST_CASE("replies that come byte by byte are the same")
{
    reply_parser parser;
    std::vector<owned> got;
    for (const char byte : transcript) {
        parser.feed({&byte, 1});
        for (auto& r : drain(parser))
            got.push_back(std::move(r));
    }
    const bool same = got == expected();
    CHECK(same);
}

TEST_CASE("a thousand replies in one piece stay apart")
{
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        const std::string value = std::string(static_cast<std::size_t>(i), 'x') + std::to_string(i);
        text += "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
    }
    reply_parser parser;
    parser.feed(text);
    for (int i = 0; i < 1000; ++i) {
        const auto next = parser.next();
        REQUIRE(next.has_value());
        REQUIRE(next->has_value());
        const bool same = (*next)->text == std::string(static_cast<std::size_t>(i), 'x') + std::to_string(i);
        REQUIRE(same);
    }
    CHECK(!parser.next()->has_value());
}

TEST_CASE("a megabyte that comes in pieces is whole")
{
    const std::string value(1 << 20, 'v');
    const std::string text = "$" + std::to_string(value.size()) + "\r\n" + value + "\r\n";
    reply_parser parser;
    std::size_t replies = 0;
    for (std::size_t at = 0; at < text.size(); at += 16384) {
        parser.feed(std::string_view(text).substr(at, 16384));
        for (const auto& r : drain(parser)) {
            const bool same = r.text == value;
            CHECK(same);
            ++replies;
        }
    }
    CHECK(replies == 1);
}

TEST_CASE("arrays in arrays are read as deep as they are wanted, wherever their bytes are split")
{
    const std::string text = "*3\r\n*2\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n*0\r\n*1\r\n$-1\r\n";
    for (std::size_t split = 0; split <= text.size(); ++split) {
        CAPTURE(split);
        reply_parser parser({.depth = 3});
        parser.feed(std::string_view(text).substr(0, split));
        if (split < text.size()) {
            CHECK(!parser.next()->has_value());
            parser.feed(std::string_view(text).substr(split));
        }
        const auto next = parser.next();
        REQUIRE(next.has_value());
        REQUIRE(next->has_value());
        const auto top = (*next)->elements;
        REQUIRE(top.size() == 3);
        REQUIRE(top[0].elements.size() == 2);
        CHECK(top[0].elements[0].number == 1);
        REQUIRE(top[0].elements[1].elements.size() == 2);
        CHECK(top[0].elements[1].elements[0].text == "a");
        CHECK(top[0].elements[1].elements[1].text == "b");
        CHECK(top[1].elements.empty());
        REQUIRE(top[2].elements.size() == 1);
        CHECK(top[2].elements[0].what == type::nil);
    }
    reply_parser too_shallow({.depth = 2});
    too_shallow.feed(text);
    CHECK(!too_shallow.next().has_value());
}

TEST_CASE("what is no RESP2 is refused")
{
    for (const std::string_view bytes :
         {std::string_view("HTTP/1.1 400 Bad Request\r\n"), std::string_view("?\r\n"), std::string_view("\r\n"),
          std::string_view("\0", 1), std::string_view("*1\r\n*1\r\n:1\r\n"), std::string_view("*2\r\n:1\r\n*0\r\n"),
          std::string_view("*1025\r\n"), std::string_view("*2147483647\r\n"), std::string_view("%1\r\n+a\r\n:1\r\n"),
          std::string_view("~1\r\n:1\r\n"), std::string_view(">1\r\n:1\r\n"), std::string_view(",3.14\r\n"),
          std::string_view("#t\r\n")}) {
        CAPTURE(std::string(bytes));
        CHECK(refusal_of(bytes).starts_with("no reply of Redis"));
    }
}

TEST_CASE("a parser that has given up stays so")
{
    reply_parser parser;
    parser.feed("?\r\n+OK\r\n");
    CHECK(!parser.next().has_value());
    parser.feed("+OK\r\n");
    CHECK(!parser.next().has_value());
}

TEST_CASE("a reply that is longer than the limit is refused before it is there")
{
    const std::string header = "$1000000\r\n";
    CHECK(refusal_of(header + std::string(900, 'x'), 1000).empty());
    CHECK(refusal_of(header + std::string(1100, 'x'), 1000) == "no reply of Redis: it is too long");
    CHECK(refusal_of("*3\r\n" + ("$600\r\n" + std::string(600, 'x') + "\r\n") + "$600\r\n" + std::string(600, 'x'),
                     1000) == "no reply of Redis: it is too long");
}

TEST_CASE("a line without an end is refused")
{
    for (const char kind : {'+', '-', ':', '$', '*'}) {
        CAPTURE(kind);
        reply_parser parser;
        std::string why;
        for (int i = 0; i < 100 && why.empty(); ++i) {
            parser.feed(i == 0 ? std::string(1, kind) : std::string(1024, '1'));
            const auto next = parser.next();
            why = next ? "" : next.error().detail;
        }
        CHECK(why.starts_with("no reply of Redis"));
    }
}

TEST_CASE("an error is told by its first word alone")
{
    const reply r{type::error, 0, "READONLY You can't write against a read only replica.", {}};
    CHECK(r.is_error("READONLY"));
    CHECK(!r.is_error("READ"));
    CHECK((reply{type::error, 0, "BUSY", {}}).is_error("BUSY"));
    CHECK(!(reply{type::string, 0, "READONLY", {}}).is_error("READONLY"));
}

TEST_CASE("a command is an array of its words, whatever bytes they have")
{
    std::string out = "before";
    const std::array<std::string_view, 4> words{"SET", "", std::string_view("a\0\r\n", 4), "0123456789"};
    redis::append_command(out, words);
    CHECK(out == "before*4\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\0\r\n\r\n$10\r\n0123456789\r\n"s);
    CHECK(out.size() <= 6 + redis::command_size(words));
}
