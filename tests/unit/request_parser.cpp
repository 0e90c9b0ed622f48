#include "server/request_parser.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coatcheck;

namespace {

constexpr std::size_t header_limit = 8192;

// The error that `text` is refused with, or nothing.
std::optional<errc> refusal_of(std::string_view text)
{
    request r;
    request_parser parser(r, header_limit);
    const auto parsed = parser.parse_header(text);
    return parsed ? std::nullopt : std::optional(parsed.error().code);
}

std::string get(std::string_view fields)
{
    return "GET /v1/session HTTP/1.1\r\n" + std::string(fields) + "\r\n";
}

} // namespace

TEST_CASE("a header is taken whole, and nothing behind it")
{
    const std::string header =
        "PUT /v1/session HTTP/1.1\r\nHost: localhost\r\nSession-Id: abc\r\nContent-Length: 3\r\n\r\n";
    for (std::size_t n = 0; n < header.size(); ++n) {
        request r;
        request_parser parser(r, header_limit);
        const auto parsed = parser.parse_header(std::string_view(header).substr(0, n));
        REQUIRE_MESSAGE(parsed.has_value(), n);
        CHECK(*parsed == 0);
    }
    request r;
    request_parser parser(r, header_limit);
    const std::string text = header + "{} GET / HTTP/1.1";
    const auto parsed = parser.parse_header(text);
    REQUIRE(parsed.has_value());
    CHECK(*parsed == header.size());
    CHECK(r.verb == method::put);
    CHECK(r.target == "/v1/session");
    CHECK(r.get(single_field::session_id) == "abc");
    CHECK(parser.content_length() == 3);
}

TEST_CASE("lines of one list are one list")
{
    request r;
    request_parser parser(r, header_limit);
    const std::string text = get("Host: a\r\nIf-Match: \"1\"\r\nIf-Match: \"2\"\r\n");
    REQUIRE(parser.parse_header(text).has_value());
    CHECK(r.get(list_field::if_match) == R"("1", "2")");
}

TEST_CASE("the authority of an absolute target stands for the Host field")
{
    request r;
    request_parser parser(r, header_limit);
    const std::string text = "GET http://localhost:8642/v1/session?peek HTTP/1.1\r\nHost: elsewhere\r\n\r\n";
    REQUIRE(parser.parse_header(text).has_value());
    CHECK(r.target == "/v1/session?peek");
    CHECK(r.get(single_field::host) == "localhost:8642");
}

TEST_CASE("what RFC 9112 forbids is refused")
{
    CHECK_FALSE(refusal_of(get("Host: localhost:8642\r\n")));
    CHECK_FALSE(refusal_of(get("Host: [::1]:8642\r\n")));
    for (const auto fields : {"",
                              "Host: a\r\nHost: a\r\n",
                              "Host:\r\n",
                              "Host: a,b\r\n",
                              "Host: u@a\r\n",
                              "Host: a/b\r\n",
                              "Host: a b\r\n",
                              "Host: [::1\r\n",
                              "Host: a:b\r\n",
                              "Host: a:123456\r\n",
                              "Host: a\r\nX: 1\r\n folded\r\n",
                              "Host: a\r\nX: 1\r\n\tfolded\r\n",
                              "Host : a\r\n",
                              "Host: a\nX: 1\r\n",
                              "Host: a\r\nTransfer-Encoding: identity\r\n",
                              "Host: a\r\nTransfer-Encoding:\r\n",
                              "Host: a\r\nTransfer-Encoding: chunked, gzip\r\n",
                              "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                              "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n",
                              "Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
                              "Host: a\r\nContent-Length: +1\r\n",
                              "Host: a\r\nSession-Id: a\r\nsession-id: b\r\n"})
        CHECK_MESSAGE(refusal_of(get(fields)) == errc::malformed, std::string(fields));
    CHECK(refusal_of(get(std::string("Host: a\r\nX: ").append(1, '\0').append("\r\n"))) == errc::malformed);
    CHECK(refusal_of(get("Host: a\r\nTransfer-Encoding: gzip\r\n")) == errc::unsupported);
    for (const auto line : {"GET * HTTP/1.1", "CONNECT a:1 HTTP/1.1", "GET v1 HTTP/1.1", "GET /\x80 HTTP/1.1",
                            "GET  / HTTP/1.1", "G@T / HTTP/1.1x", "GET http://u@a/ HTTP/1.1"})
        CHECK_MESSAGE(refusal_of(std::string(line) + "\r\nHost: a\r\n\r\n") == errc::malformed, std::string(line));
    CHECK(refusal_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == errc::http_version);
    CHECK(refusal_of("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"));
    CHECK(refusal_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == errc::malformed);
}

TEST_CASE("each limit has its own error")
{
    CHECK(refusal_of(get("Host: a\r\nX: " + std::string(header_limit, 'x') + "\r\n")) == errc::header_too_large);
    CHECK(refusal_of("GET /" + std::string(max_target_length, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n") ==
          errc::uri_too_long);
    CHECK(refusal_of("GET /" + std::string(2 * header_limit, 'x')) == errc::uri_too_long);
}

TEST_CASE("a chunked body comes out whole wherever it is split")
{
    const std::string header = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string chunks = "3;ext=1\r\n{\"a\r\n4\r\n\":1}\r\n0\r\nSession-Id: late\r\n\r\n";
    const std::string next = "GET /";
    for (std::size_t split = 0; split <= chunks.size(); ++split) {
        request r;
        request_parser parser(r, header_limit);
        REQUIRE(parser.parse_header(header).has_value());
        std::string body;
        std::string pending = chunks.substr(0, split);
        auto used = parser.parse_chunks(pending, 100, body);
        REQUIRE_MESSAGE(used.has_value(), split);
        pending.erase(0, *used);
        pending += chunks.substr(split) + next;
        used = parser.parse_chunks(pending, 100, body);
        REQUIRE_MESSAGE(used.has_value(), split);
        CHECK_MESSAGE(parser.is_done(), split);
        CHECK(body == R"({"a":1})");
        CHECK(pending.substr(*used) == next);
        CHECK_FALSE(r.has(single_field::session_id)); // a trailer is no header
    }
}

TEST_CASE("a chunked body over the limit is refused before it is taken")
{
    request r;
    request_parser parser(r, header_limit);
    REQUIRE(parser.parse_header("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
    std::string body;
    const auto used = parser.parse_chunks("65\r\nx", 100, body);
    REQUIRE_FALSE(used.has_value());
    CHECK(used.error().code == errc::too_large);
}

TEST_CASE("framing without an end is refused")
{
    request r;
    request_parser parser(r, header_limit);
    REQUIRE(parser.parse_header("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").has_value());
    std::string body;
    CHECK_FALSE(parser.parse_chunks("0\r\n" + std::string(2 * header_limit, 'x'), 100, body).has_value());
}

TEST_CASE("a folded Host is refused before anything points to it")
{
    CHECK(refusal_of("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n") == errc::malformed);
}
