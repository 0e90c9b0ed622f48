#include "backends/filesystem/session_file.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace coatcheck::filesystem;
using namespace std::chrono_literals;

namespace {

head a_head()
{
    head h;
    h.revision = 7;
    h.data_version.bits = 0x0123456789abcdef;
    h.created = time_point{1s};
    h.keep_until = time_point{3661s};
    h.idle = 1h;
    h.subject = "ada";
    h.label = "phone";
    return h;
}

} // namespace

TEST_CASE("a session's file comes back as it was written")
{
    for (const auto& payload : {std::string(), std::string(1, '\0'), std::string(100'000, 'x')}) {
        const auto read = decode_file(encode_file(a_head(), payload));
        REQUIRE(read.has_value());
        CHECK(read->about == a_head());
        CHECK((read->payload == payload));
    }
}

TEST_CASE("the layout of a session's file is for ever")
{
    const std::string bytes = encode_file(a_head(), "red");
    CHECK(bytes.substr(0, 4) == "CCF\x01");
    CHECK(bytes.substr(8, 8) == std::string("\0\0\0\0\0\0\0\x5f", 8)); // 84 + "ada" + "phone" + "red"
    CHECK(bytes.substr(16, 2) == "CC");
    CHECK(bytes.size() == 16 + 0x5f);
    CHECK(bytes.substr(4, 4) == "\xa7\x59\x37\x5f");
}

TEST_CASE("a session's file that is cut short anywhere is corrupt, and so is one with a wrong bit")
{
    const std::string sound = encode_file(a_head(), "red");
    for (std::size_t n = 0; n < sound.size(); ++n) {
        CAPTURE(n);
        CHECK(decode_file(std::string_view(sound).substr(0, n)).error().code == errc::corrupt);
        for (int bit = 0; bit < 8; ++bit) {
            std::string wrong = sound;
            wrong[n] = static_cast<char>(wrong[n] ^ (1 << bit));
            const auto read = decode_file(wrong);
            REQUIRE(!read.has_value());
            const bool newer = n == 3 && static_cast<unsigned char>(wrong[n]) > 1;
            CHECK(read.error().code == (newer ? errc::newer_format : errc::corrupt));
        }
    }
}

TEST_CASE("what is behind a session's record is ignored, and nothing else is")
{
    const std::string sound = encode_file(a_head(), "red");
    CHECK(decode_file(sound + "left over")->payload == "red");
    std::string longer = sound;
    longer[15] = static_cast<char>(longer[15] + 4);
    CHECK(decode_file(longer + "left over").error().code == errc::corrupt);
    std::string endless = sound;
    endless.replace(8, 8, 8, '\xff');
    CHECK(decode_file(endless).error().code == errc::corrupt);
}

TEST_CASE("the beginning of a session's file tells when it may be forgotten")
{
    const std::string bytes = encode_file(a_head(), std::string(100'000, 'x'));
    CHECK(keep_until_in(std::string_view(bytes).substr(0, longest_head)).value() == a_head().keep_until);
    CHECK(!keep_until_in(std::string_view(bytes).substr(0, 50)).has_value());
    CHECK(!keep_until_in("an operator's notes").has_value());
}
