// The messages of App Engine's memcache, against bytes that Google's own protocol buffers made and read.

#include "backends/appengine/memcache.hpp"
#include "backends/appengine/protobuf.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coatcheck;
using namespace coatcheck::appengine;
using namespace std::string_literals;

namespace {

std::string from_hex(std::string_view text)
{
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return bytes;
}

const std::string get_reply = from_hex("0b1206736573733a311a02000125000000002911000000000000000c");

std::string answer(unsigned number, const std::string& content)
{
    return message().bytes(number, content).str();
}

template <class T>
errc code_of(const result<T>& r)
{
    REQUIRE(!r.has_value());
    return r.error().code;
}

} // namespace

TEST_CASE("appengine: requests are the bytes that Google's SDK sends")
{
    const item added{.key = "sess:1", .value = {"\0\1", 2}, .when = policy::add, .expiration = 60};
    const auto add = set_message("cc", added);
    CHECK(add == from_hex("0b1206736573733a311a02000125000000002802353c0000000c3a026363"));
    CHECK(call_message("Set", add, "tkt-1") ==
          from_hex("12086d656d63616368651a03536574221e0b1206736573733a311a02000125000000002802353c0000000c3a0263632a05"
                   "746b742d31"));
    const item swapped{.key = "sess:1", .value = "new", .when = policy::cas, .expiration = 60, .cas_id = 17};
    // The flags, which are 0, are sent too.
    CHECK(set_message("cc", swapped) ==
          from_hex("0b1206736573733a311a036e657725000000002804353c00000041110000000000000048010c3a026363"));
    CHECK(get_message("cc", "sess:1") == from_hex("0a06736573733a31120263632001"));
    CHECK(get_message("", "sess:1") == from_hex("0a06736573733a312001"));
    CHECK(call_message("Get", "", "") == "\x12\x08memcache\x1a\x03Get\x22\x00"s);
}

TEST_CASE("appengine: replies are read as Google's stub writes them")
{
    const auto stored = from_hex("0a020801");
    const auto content = read_answer(stored, effect::writes);
    REQUIRE(content.has_value());
    CHECK(read_set(*content).value());
    CHECK(!read_set("\x08\x02").value());    // NOT_STORED
    CHECK(!read_set("\x08\x04").value());    // EXISTS
    CHECK(read_set("\x0a\x01\x01").value()); // packed
    const auto got = read_get(get_reply, "sess:1");
    REQUIRE(got.has_value());
    REQUIRE(got->has_value());
    CHECK((*got)->value == "\0\1"s);
    CHECK((*got)->cas_id == 17);
    CHECK(!read_get("", "sess:1")->has_value());
    CHECK(!read_get("\x38\x02", "sess:1")->has_value()); // MISS
    CHECK(!read_get("\x3a\x01\x02", "sess:1")->has_value());
}

TEST_CASE("appengine: what is not said is neither a hit nor a miss")
{
    CHECK(code_of(read_get(get_reply, "sess:2")) == errc::unavailable);
    for (std::size_t length = 1; length < get_reply.size(); ++length)
        CHECK(code_of(read_get(std::string_view(get_reply).substr(0, length), "sess:1")) == errc::unavailable);
    const auto with = [](const message& item) { return message().group(1, item).str(); };
    CHECK(code_of(read_get(with(message().bytes(2, "k").bytes(3, "v")), "k")) == errc::unavailable); // no cas_id
    CHECK(code_of(read_get(with(message().bytes(2, "k").fixed64(5, 1)), "k")) == errc::unavailable); // no value
    CHECK(code_of(read_get(with(message().bytes(3, "v").fixed64(5, 1)), "k")) == errc::unavailable); // no key
    CHECK(code_of(read_get(message().bytes(1, "not a group").str() + "\x38\x05", "k")) == errc::unavailable);
    for (const int status : {0, 1, 3, 4, 5, 6, 100})
        CHECK(code_of(read_get("\x38"s + static_cast<char>(status), "k")) == errc::unavailable);
    CHECK(code_of(read_get("\x3a\x02\x02\x02", "k")) == errc::unavailable);
    for (const auto& bytes : {""s, "\x08\x03"s, "\x08\x05"s, "\x08\x07"s, "\x08\x00"s, "\x08\x01\x08\x01"s, "\x08"s,
                              "\x0a\x00"s, "\x0a\x02\x01\x01"s, "\x10\x01"s})
        CHECK(code_of(read_set(bytes)) == errc::timed_out);
    CHECK(code_of(read_set("\x08\x06")) == errc::unavailable);
}

TEST_CASE("appengine: an error outweighs a response, and says nothing of its detail")
{
    const std::string denied = message().varint(1, 3).bytes(2, "ticket secret").str();
    const auto refused = read_answer(answer(1, "\x08\x01") + answer(5, denied), effect::writes);
    CHECK(code_of(refused) == errc::unavailable);
    CHECK(refused.error().detail == "App Engine's memcache: SECURITY_VIOLATION");
    CHECK(code_of(read_answer(answer(3, denied) + answer(1, ""), effect::reads)) == errc::unavailable);
    CHECK(code_of(read_answer(answer(5, "\x08"), effect::reads)) == errc::unavailable);
    CHECK(code_of(read_answer(answer(5, "\x08"), effect::writes)) == errc::timed_out);
    CHECK(code_of(read_answer(answer(5, "\x08\x05"), effect::writes)) == errc::too_large);
    CHECK(code_of(read_answer("", effect::reads)) == errc::unavailable);
    CHECK(code_of(read_answer("", effect::writes)) == errc::timed_out);
    CHECK(read_answer("\x0a\x00"s, effect::reads).value().empty());
}

TEST_CASE("appengine: protocol buffers of every type are read as they were written")
{
    const std::string all = message()
                                .varint(1, 0)
                                .varint(2, ~std::uint64_t{0})
                                .fixed32(3, 0xfedcba98)
                                .fixed64(4, 0xfedcba9876543210)
                                .bytes(5, "a\0b"s)
                                .group(6, message().group(7, message().varint(8, 300)).bytes(6, ""))
                                .varint((1U << 29U) - 1, 1)
                                .str();
    field_reader fields(all);
    const auto next = [&] {
        const auto f = fields.next();
        REQUIRE(f.has_value());
        REQUIRE(f->has_value());
        return **f;
    };
    CHECK(next().value == 0);
    CHECK(next().value == ~std::uint64_t{0});
    CHECK(next().value == 0xfedcba98);
    CHECK(next().value == 0xfedcba9876543210);
    CHECK(next().bytes == "a\0b"s);
    const field group = next();
    CHECK(group.type == wire_type::group);
    CHECK(group.bytes == message().group(7, message().varint(8, 300)).bytes(6, "").str());
    CHECK(next().number == (1U << 29U) - 1);
    CHECK(!fields.next()->has_value());
}

TEST_CASE("appengine: what is no protocol buffer is refused")
{
    std::string deep;
    for (int i = 0; i < 17; ++i)
        deep += '\x0b';
    for (int i = 0; i < 17; ++i)
        deep += '\x0c';
    for (const auto& bytes :
         {"\x00"s, "\x07"s, "\x08"s, "\x0c"s, "\x0b"s, "\x0b\x14"s, "\x0b\x13\x0c\x14"s, "\x0d\x01\x02\x03"s,
          "\x09\x01\x02\x03\x04\x05\x06\x07"s, "\x0a\x02x"s, "\x0a"s, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"s,
          "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "\xff\xff\xff\xff\xff\xff\x01\x01"s, deep}) {
        CAPTURE(bytes);
        field_reader fields(bytes);
        CHECK(code_of(fields.next()) == errc::unavailable);
    }
    const std::string fits = deep.substr(1, 32);
    CHECK(field_reader(fits).next().value()->type == wire_type::group);
}
