#include "proto/record.hpp"

#include "tests/unit/sample_data.hpp"

#include <doctest/doctest.h>
#include <set>

using namespace coatcheck;
using test::sample_data;

namespace {

time_point at(std::uint64_t ms)
{
    return time_point{std::chrono::milliseconds{static_cast<std::int64_t>(ms)}};
}

std::string encoded(const head& about, std::string_view payload)
{
    std::string out;
    encode(about, payload, out);
    return out;
}

head some_head(sample_data& sample)
{
    const auto any_time = [&] {
        const std::uint64_t range = std::uint64_t{1} << (1 + sample.number(53));
        return at(sample.number(range));
    };
    head h;
    h.what = static_cast<kind>(1 + sample.number(4));
    h.revision = sample.number(UINT64_MAX);
    h.data_version = make_version();
    h.created = any_time();
    h.last_seen = any_time();
    h.expires = any_time();
    h.absolute_end = sample.number(2) == 0 ? never : any_time();
    h.keep_until = any_time();
    h.locked_until = any_time();
    h.lock_token = sample.number(UINT64_MAX);
    h.idle = std::chrono::seconds{sample.number(std::uint64_t{1} << 32U)};
    h.subject = sample.bytes(sample.number(8) == 0 ? max_subject_length : sample.number(40));
    h.label = sample.bytes(sample.number(8) == 0 ? max_label_length : sample.number(40));
    return h;
}

} // namespace

TEST_CASE("a record is laid out at rest as documented")
{
    head h;
    h.what = kind::ended;
    h.revision = 0x0102030405060708U;
    h.data_version.bits = 0x1112131415161718U;
    h.created = at(0x21);
    h.last_seen = at(0x22);
    h.expires = at(0x23);
    h.keep_until = at(0x24);
    h.locked_until = at(0x25);
    h.lock_token = 0x26;
    h.idle = std::chrono::seconds{0x27};
    h.subject = "ada";
    h.label = "pc";
    const std::string expected("CC\x01\x02"
                               "\x01\x02\x03\x04\x05\x06\x07\x08"
                               "\x11\x12\x13\x14\x15\x16\x17\x18"
                               "\0\0\0\0\0\0\0\x21"
                               "\0\0\0\0\0\0\0\x22"
                               "\0\0\0\0\0\0\0\x23"
                               "\0\x1f\xff\xff\xff\xff\xff\xff"
                               "\0\0\0\0\0\0\0\x24"
                               "\0\0\0\0\0\0\0\x25"
                               "\0\0\0\0\0\0\0\x26"
                               "\0\0\0\x27"
                               "\0\x03\0\x02"
                               "adapc"
                               "payload",
                               84 + 5 + 7);
    CHECK(encoded(h, "payload") == expected);
    REQUIRE(decode_record(expected).has_value());
    CHECK(*decode_record(expected) == record{h, "payload"});
}

TEST_CASE("whatever is encoded is decoded to the same, and every truncation of it is refused or cuts the payload")
{
    const auto seed = test::new_seed();
    CAPTURE(seed);
    sample_data sample(seed);
    for (int i = 0; i < 200; ++i) {
        const head h = some_head(sample);
        const std::string payload = sample.bytes(sample.number(60));
        const std::string bytes = encoded(h, payload);

        const auto whole = decode_record(bytes);
        REQUIRE(whole.has_value());
        CHECK(whole->about == h);
        CHECK(whole->payload == payload);
        const auto head_alone = decode_head(bytes);
        REQUIRE(head_alone.has_value());
        CHECK(head_alone->about == h);
        CHECK(head_alone->payload_at == bytes.size() - payload.size());

        for (std::size_t n = 0; n < bytes.size(); ++n) {
            const std::string cut(bytes.substr(0, n));
            const auto decoded = decode_record(cut);
            if (n < head_alone->payload_at) {
                REQUIRE(decoded.has_error());
                CHECK(decoded.error().code == errc::corrupt);
                CHECK(decode_head(cut).error().code == errc::corrupt);
            } else {
                REQUIRE(decoded.has_value());
                CHECK(decoded->payload == payload.substr(0, n - head_alone->payload_at));
            }
        }
    }
}

TEST_CASE("what can be decoded is encoded to the same bytes, so nothing of a record is lost unseen")
{
    const auto seed = test::new_seed();
    CAPTURE(seed);
    sample_data sample(seed);
    for (int i = 0; i < 20000; ++i) {
        const std::string bytes = sample.damaged(encoded(some_head(sample), sample.bytes(sample.number(20))));
        const auto decoded = decode_record(bytes);
        if (decoded)
            CHECK(encoded(decoded->about, decoded->payload) == bytes);
        else
            CHECK((decoded.error().code == errc::corrupt || decoded.error().code == errc::newer_format));
    }
}

TEST_CASE("a record of a later release is told from one that nobody can read")
{
    std::string bytes = encoded({}, "payload");
    for (int format = 2; format < 256; ++format) {
        bytes[2] = static_cast<char>(format);
        CHECK(decode_record(bytes).error().code == errc::newer_format);
        // A later format may be shorter.
        CHECK(decode_record(bytes.substr(0, 3)).error().code == errc::newer_format);
    }
    bytes[2] = 0;
    CHECK(decode_record(bytes).error().code == errc::corrupt);
}

TEST_CASE("bytes that break a rule of the layout are corrupt")
{
    const std::string good = encoded({}, "payload");
    REQUIRE(decode_record(good).has_value());
    const auto with = [&](std::size_t offset, char c) {
        std::string bytes = good;
        bytes[offset] = c;
        return decode_record(bytes);
    };
    CHECK(decode_record("").error().code == errc::corrupt);
    CHECK(decode_record(std::string(200, '\0')).error().code == errc::corrupt);
    CHECK(with(0, 'c').error().code == errc::corrupt);
    CHECK(with(1, 'D').error().code == errc::corrupt);
    CHECK(with(3, 0).error().code == errc::corrupt);
    CHECK(with(3, 5).error().code == errc::corrupt);
    for (const std::size_t time : {20, 28, 36, 44, 52, 60}) {
        CAPTURE(time);
        CHECK(with(time, '\x80').error().code == errc::corrupt);
        CHECK(with(time + 1, '\x20').error().code == errc::corrupt);
    }
    CHECK(with(80, 1).error().code == errc::corrupt);
    CHECK(with(82, 1).error().code == errc::corrupt);
}

TEST_CASE("a record is appended to what is there")
{
    std::string out = "before";
    encode({}, "payload", out);
    CHECK(out == "before" + encoded({}, "payload"));
}

TEST_CASE("versions do not repeat")
{
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 10000; ++i)
        CHECK(seen.insert(make_version().bits).second);
}
