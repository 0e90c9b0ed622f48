#include "backends/mongodb/record_document.hpp"

#include <doctest/doctest.h>

#include <string>

namespace coatcheck::mongodb {

namespace {

time_point at(std::int64_t ms)
{
    return time_point{std::chrono::milliseconds{ms}};
}

head full_head()
{
    head h;
    h.what = kind::pending;
    h.revision = 0xffffffffffffffffU;
    h.data_version.bits = 0x8000000000000001U;
    h.created = at(0);
    h.last_seen = at(1);
    h.expires = at(1795557739005);
    h.absolute_end = at(1795557739006);
    h.keep_until = never;
    h.idle = std::chrono::seconds{400 * 86400};
    h.lock_token = 0xfffffffffffffffeU;
    h.locked_until = at(7);
    h.subject = "\xc3\x84rger";
    h.label = std::string("a\0b\xff", 4);
    return h;
}

bson_type_t type_of(const bson_document& in, const char* name)
{
    bson_iter_t found;
    return bson_iter_init_find(&found, in.get(), name) ? bson_iter_type(&found) : BSON_TYPE_EOD;
}

bool same(const bson_document& a, const bson_document& b)
{
    return bson_equal(a.get(), b.get());
}

} // namespace

TEST_CASE("a record comes back from its document")
{
    for (const auto what : {kind::live, kind::ended, kind::alias, kind::pending}) {
        head h = full_head();
        h.what = what;
        bson_document d;
        add_record(d, "name", h, std::string("\0red\xff", 5));
        const auto about = read_head(*d.get());
        REQUIRE(about.has_value());
        CHECK(*about == h);
        CHECK(read_payload(*d.get()).value() == std::string("\0red\xff", 5));
    }
}

TEST_CASE("the default head comes back, and never is null")
{
    bson_document d;
    add_head(d, head{});
    CHECK(read_head(*d.get()).value() == head{});
    CHECK(type_of(d, "absolute_end") == BSON_TYPE_NULL);
}

TEST_CASE("text is text, and other bytes are binary")
{
    bson_document d;
    add_head(d, full_head());
    CHECK(type_of(d, "subject") == BSON_TYPE_UTF8);
    CHECK(type_of(d, "label") == BSON_TYPE_BINARY);
}

TEST_CASE("the largest record leaves room in a document of 16 MiB")
{
    head h = full_head();
    h.subject.assign(max_subject_length, '\xff');
    h.label.assign(max_label_length, '\xff');
    bson_document d;
    add_record(d, std::string(43, 'n'), h, std::string(max_payload, 'x'));
    CHECK(d.get()->len <= std::uint32_t{16} << 20U);
}

TEST_CASE("a document that lacks any field of the head is corrupt")
{
    bson_document whole;
    add_head(whole, full_head());
    int fields = 0;
    bson_iter_t each;
    REQUIRE(bson_iter_init(&each, whole.get()));
    while (bson_iter_next(&each)) {
        const std::string left_out = bson_iter_key(&each);
        CAPTURE(left_out);
        bson_document rest;
        bson_copy_to_excluding_noinit(whole.get(), rest.get(), left_out.c_str(), nullptr);
        const auto about = read_head(*rest.get());
        REQUIRE(!about.has_value());
        CHECK(about.error().code == errc::corrupt);
        ++fields;
    }
    CHECK(fields == 14);
}

TEST_CASE("a format above ours is of a later release, whatever else is there")
{
    for (const std::int64_t format : {2, 100}) {
        bson_document d;
        d.add("format", format).add_text("revision", "r1");
        CHECK(read_head(*d.get()).error().code == errc::newer_format);
    }
    bson_document zero;
    zero.add("format", 0);
    CHECK(read_head(*zero.get()).error().code == errc::corrupt);
    bson_document empty;
    CHECK(read_head(*empty.get()).error().code == errc::corrupt);
    CHECK(read_payload(*empty.get()).error().code == errc::corrupt);
}

TEST_CASE("a filter finds the record that was read, and not the one that began anew in its place")
{
    head forgotten = full_head();
    forgotten.revision = 1;
    forgotten.data_version.bits = 0;
    head anew = forgotten;
    anew.keep_until = at(5);
    bson_document first;
    bson_document again;
    bson_document second;
    add_filter(first, "name", forgotten);
    add_filter(again, "name", forgotten);
    add_filter(second, "name", anew);
    CHECK(same(first, again));
    CHECK(!same(first, second));

    bson_document unreadable;
    bson_document name_alone;
    add_filter(unreadable, "name", failure{errc::corrupt, ""});
    name_alone.add_text("_id", "name");
    CHECK(same(unreadable, name_alone));
}

} // namespace coatcheck::mongodb
