#include "backends/memcached/codec.hpp"

#include "backends/memcached/binary.hpp"
#include "backends/memcached/failures.hpp"
#include "tests/unit/codec.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace coatcheck;
using namespace std::string_literals;
using memcached::command;
using memcached::reply;
using memcached::reply_parser;
using memcached::wire;
using type = reply::type;
using verb = command::verb;

namespace {

// A reply that owns its text, to compare with.
struct owned {
    type what;
    std::string text = {};
    std::uint64_t cas = 0;
    std::optional<std::uint32_t> opaque = {};
    std::int64_t seconds_left = -1;
    bool buried = false;
    std::string name = {};

    friend bool operator==(const owned&, const owned&) = default;
};

owned own(const reply& r)
{
    return {r.what, std::string(r.text), r.cas, r.opaque, r.seconds_left, r.buried, std::string(r.name)};
}

// Everything that is whole by now.
void drain(reply_parser& parser, std::vector<owned>& to)
{
    for (;;) {
        const auto next = parser.next();
        REQUIRE_MESSAGE(next.has_value(), next.error().detail);
        if (!*next)
            return;
        to.push_back(own(**next));
    }
}

// Cut in two at every place, and into single bytes.
void check_at_every_split(const std::string& transcript, const std::vector<owned>& expected)
{
    for (std::size_t split = 0; split <= transcript.size(); ++split) {
        reply_parser parser;
        std::vector<owned> all;
        parser.feed(std::string_view(transcript).substr(0, split));
        drain(parser, all);
        parser.feed(std::string_view(transcript).substr(split));
        drain(parser, all);
        CAPTURE(split);
        REQUIRE((all == expected));
    }
    reply_parser parser;
    std::vector<owned> all;
    for (const char byte : transcript) {
        parser.feed({&byte, 1});
        drain(parser, all);
    }
    CHECK((all == expected));
}

// Why the parser gives up on `bytes`; "" if it does not.
std::string refusal_of(std::string_view bytes)
{
    reply_parser parser;
    for (const char byte : bytes) {
        parser.feed({&byte, 1});
        const auto next = parser.next();
        if (!next)
            return next.error().detail;
    }
    return "";
}

std::string sent(const command& c)
{
    std::string out;
    append_command(out, c);
    CHECK(out.size() <= command_size(c));
    return out;
}

constexpr auto greatest = std::numeric_limits<std::uint64_t>::max();
constexpr auto greatest32 = std::numeric_limits<std::uint32_t>::max();

} // namespace

TEST_CASE("memcached's text commands")
{
    CHECK(sent({.what = verb::get, .opaque = 7, .key = "k"}) == "mg k v c t O7\r\n");
    CHECK(sent({.what = verb::add, .opaque = 7, .key = "k", .value = "a\r\nb", .exptime = 60}) ==
          "add k 0 60 4\r\na\r\nb\r\n");
    CHECK(sent({.what = verb::swap, .key = "k", .value = "", .cas = greatest, .exptime = greatest32}) ==
          "cas k 0 4294967295 0 18446744073709551615\r\n\r\n");
    CHECK(sent({.what = verb::remove, .opaque = greatest32, .key = "k", .cas = 5}) == "md k C5 O4294967295\r\n");
    CHECK(sent({.what = verb::bury, .opaque = 1, .key = "k", .cas = greatest, .exptime = greatest32}) ==
          "md k C18446744073709551615 I T4294967295 O1\r\n");
    CHECK(sent({.what = verb::ping}) == "mn\r\n");
}

TEST_CASE("memcached's binary commands")
{
    const auto hex = [](std::string_view digits) { return test::from_hex(digits); };
    CHECK((sent({.form = wire::binary, .what = verb::get, .opaque = 7, .key = "k"}) ==
           hex("80 00 0001 00 00 0000 00000001 00000007 0000000000000000") + "k"));
    CHECK((sent({.form = wire::binary, .what = verb::add, .opaque = 7, .key = "k", .value = "ab", .exptime = 60}) ==
           hex("80 02 0001 08 00 0000 0000000b 00000007 0000000000000000 00000000 0000003c") + "kab"));
    CHECK((sent({.form = wire::binary, .what = verb::swap, .key = "k", .value = "ab", .cas = 5, .exptime = 60}) ==
           hex("80 03 0001 08 00 0000 0000000b 00000000 0000000000000005 00000000 0000003c") + "kab"));
    CHECK((sent({.form = wire::binary, .what = verb::remove, .key = "k", .cas = greatest}) ==
           hex("80 04 0001 00 00 0000 00000001 00000000 ffffffffffffffff") + "k"));
    CHECK((sent({.form = wire::binary, .what = verb::ping}) ==
           hex("80 0a 0000 00 00 0000 00000000 00000000 0000000000000000")));
    std::string out;
    memcached::binary::append_plain_authentication(out, "app", "secret");
    CHECK((out == hex("80 21 0005 00 00 0000 00000010 00000000 0000000000000000") + "PLAIN\0app\0secret"s));
}

TEST_CASE("memcached's text replies are the same however they are cut")
{
    check_at_every_split("VA 3 c5 t60 O7\r\nred\r\n"
                         "VA 0 c18446744073709551615 t-1 O4294967295\r\n\r\n"
                         "VA 7 c6 t9 O8 W X\r\nEN\r\nEN\r\r\n"
                         "EN O9\r\n"
                         "EN\r\n"
                         "HD O1\r\n"
                         "NF O2\r\n"
                         "EX O3\r\n"
                         "STORED\r\n"
                         "NOT_STORED\r\n"
                         "EXISTS\r\n"
                         "NOT_FOUND\r\n"
                         "MN\r\n"
                         "VERSION 1.6.18\r\n"
                         "STAT item_size_max 1048576\r\n"
                         "STAT empty \r\n"
                         "END\r\n"
                         "SERVER_ERROR out of memory storing object\r\n"
                         "SERVER_ERROR Out of memory during read\r\n"
                         "SERVER_ERROR object too large for cache\r\n"
                         "SERVER_ERROR out of memory writing get response\r\n"
                         "CLIENT_ERROR unauthenticated\r\n"
                         "ERROR\r\n"
                         "ERROR Too many open connections\r\n",
                         {{type::value, "red", 5, 7U, 60},
                          {type::value, "", greatest, greatest32, -1},
                          {type::value, "EN\r\nEN\r", 6, 8U, 9, true},
                          {type::missing, "", 0, 9U},
                          {type::missing},
                          {type::done, "", 0, 1U},
                          {type::missing, "", 0, 2U},
                          {type::changed, "", 0, 3U},
                          {type::done},
                          {type::exists},
                          {type::changed},
                          {type::missing},
                          {type::alive},
                          {type::version, "1.6.18"},
                          {type::statistic, "1048576", 0, {}, -1, false, "item_size_max"},
                          {type::statistic, "", 0, {}, -1, false, "empty"},
                          {type::statistics_end},
                          {type::full, "out of memory storing object"},
                          {type::full, "Out of memory during read"},
                          {type::too_large, "object too large for cache"},
                          {type::error, "out of memory writing get response"},
                          {type::refused, "unauthenticated"},
                          {type::refused},
                          {type::refused, "Too many open connections"}});
}

TEST_CASE("memcached's binary replies are the same however they are cut")
{
    const auto r = [](std::string_view header, std::string_view body = {}) {
        return test::from_hex(header).append(body);
    };
    check_at_every_split(r("81 00 0000 04 00 0000 00000007 00000007 0000000000000005 00000000", "red") +
                             r("81 00 0000 04 00 0000 00000004 00000008 ffffffffffffffff 00000000") +
                             r("81 00 0000 00 00 0001 00000009 00000009 0000000000000000", "Not found") +
                             r("81 02 0000 00 00 0000 00000000 00000001 0000000000000001") +
                             r("81 02 0000 00 00 0002 00000003 00000002 0000000000000000", "yes") +
                             r("81 03 0000 00 00 0002 00000003 00000003 0000000000000000", "new") +
                             r("81 03 0000 00 00 0001 00000000 00000004 0000000000000000") +
                             r("81 03 0000 00 00 0082 00000004 00000005 0000000000000000", "full") +
                             r("81 02 0000 00 00 0003 00000000 00000006 0000000000000000") +
                             r("81 04 0000 00 00 0000 00000000 00000007 0000000000000000") +
                             r("81 04 0000 00 00 0002 00000000 00000008 0000000000000000") +
                             r("81 0a 0000 00 00 0000 00000000 00000009 0000000000000000") +
                             r("81 10 0004 00 00 0000 00000006 00000000 0000000000000000", "sizebi") +
                             r("81 10 0000 00 00 0000 00000000 00000000 0000000000000000") +
                             r("81 20 0000 00 00 0000 00000005 00000000 0000000000000000", "PLAIN") +
                             r("81 21 0000 00 00 0020 00000000 00000000 0000000000000000") +
                             r("81 20 0000 00 00 0081 00000000 00000000 0000000000000000") +
                             r("81 00 0000 00 00 0085 00000000 00000001 0000000000000000"),
                         {{type::value, "red", 5, 7U},
                          {type::value, "", greatest, 8U},
                          {type::missing, "Not found", 0, 9U},
                          {type::done, "", 1, 1U},
                          {type::exists, "yes", 0, 2U},
                          {type::changed, "new", 0, 3U},
                          {type::missing, "", 0, 4U},
                          {type::full, "full", 0, 5U},
                          {type::too_large, "", 0, 6U},
                          {type::done, "", 0, 7U},
                          {type::changed, "", 0, 8U},
                          {type::alive, "", 0, 9U},
                          {type::statistic, "bi", 0, 0U, -1, false, "size"},
                          {type::statistics_end, "", 0, 0U},
                          {type::mechanisms, "PLAIN", 0, 0U},
                          {type::unauthorized, "", 0, 0U},
                          {type::refused, "", 0, 0U},
                          {type::error, "", 0, 1U}});
}

TEST_CASE("what is no reply of memcached is refused, not waited for")
{
    for (const auto& bytes :
         {"HTTP/1.1 400 Bad Request\r\n"s, "\r\n"s, "VA\r\n"s, "VA x c1\r\n"s, "VA -1 c1\r\n"s, "VA 67108865 c1\r\n"s,
          "VA 3 c1\r\nblue\r\n"s, "VA 3 cx\r\nred\r\n"s, "VA 3 c1 t-2\r\nred\r\n"s, "HD Ox\r\n"s, "EN O4294967296\r\n"s,
          "STORED 1\r\n"s, "stored\r\n"s, std::string(3000, 'a'),

          "\n"s + std::string(3000, ' '), test::from_hex("81 77 0000 00 00 0000 00000000 00000000 0000000000000000"),
          test::from_hex("81 00 0000 04 00 0000 00000003 00000000 0000000000000000"),
          test::from_hex("81 00 0000 00 00 0000 04000001 00000000 0000000000000000"),
          test::from_hex("81 0a 0000 00 00 0000 00000000 00000000 0000000000000000") + "MN\r\n"}) {
        CAPTURE(bytes);
        CHECK(refusal_of(bytes) != "");
    }
    CHECK(refusal_of("VA 3 c1\r\nred") == "");
}

TEST_CASE("a reply that is not what was asked for becomes the failure that it stands for")
{
    using memcached::failure_of;
    CHECK(failure_of({.what = type::full}, verb::add).code == errc::full);
    CHECK(failure_of({.what = type::full}, verb::get).code == errc::unavailable);
    CHECK(failure_of({.what = type::too_large}, verb::swap).code == errc::too_large);
    CHECK(failure_of({.what = type::error}, verb::swap).code == errc::unavailable);
    CHECK(failure_of({.what = type::alive}, verb::swap).code == errc::internal);
}
