#include "proto/utf8.hpp"

#include <doctest/doctest.h>
#include <string>

using namespace coatcheck;

TEST_CASE("valid UTF-8 is valid to its end, at every place of a longer text")
{
    for (const std::string_view character : {"a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                             "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string text = std::string(before, 'x') + std::string(character) + std::string(before % 5, 'y');
            CAPTURE(text);
            CHECK(valid_utf8_prefix(text) == text.size());
            // Cut within the character it ends before it.
            for (std::size_t cut = 1; cut < character.size(); ++cut)
                CHECK(valid_utf8_prefix(std::string_view(text).substr(0, before + cut)) == before);
        }
    }
    CHECK(valid_utf8_prefix("") == 0);
}

TEST_CASE("overlong forms, surrogates and code points beyond Unicode are invalid")
{
    for (const std::string_view bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
                                       "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80", "\xfe", "\xff", "\xc2x", "\xe2\x82x", "\xf0\x9f\x8dx"}) {
        for (std::size_t before = 0; before < 20; ++before) {
            CAPTURE(bad);
            CHECK(valid_utf8_prefix(std::string(before, 'x') + std::string(bad) + "yyyyyyyy") == before);
        }
        CHECK(utf8_char_length(bad) == 0);
    }
}
