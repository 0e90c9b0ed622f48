#include "proto/base64.hpp"

#include "proto/base64url.hpp"
#include "tests/unit/sample_data.hpp"

#include <doctest/doctest.h>
#include <optional>
#include <string>

using namespace coatcheck;

namespace {

std::string encoded(std::string_view bytes)
{
    std::string out(base64_length(bytes.size()) + 1, 'x');
    base64_encode(bytes, out.data());
    CHECK(out.back() == '\0');
    out.pop_back();
    return out;
}

std::optional<std::string> decoded(std::string_view text)
{
    std::string out(text.size() / 4 * 3, '\0');
    const auto n = base64_decode(text, out.data());
    if (!n)
        return std::nullopt;
    out.resize(*n);
    return out;
}

std::string as_url(std::string_view bytes)
{
    return base64url({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
}

} // namespace

TEST_CASE("base64 passes RFC 4648's test vectors, with padding and, for URLs, without")
{
    struct {
        std::string_view bytes, text, url;
    } const cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/", "-_-_"},
    };
    for (const auto& c : cases) {
        CAPTURE(c.text);
        CHECK(encoded(c.bytes) == c.text);
        CHECK(decoded(c.text) == c.bytes);
        CHECK(as_url(c.bytes) == c.url);
        CHECK(base64url_length(c.bytes.size()) == c.url.size());
    }
}

TEST_CASE("whatever is encoded in base64 is decoded to the same")
{
    const auto seed = test::new_seed();
    CAPTURE(seed);
    test::sample_data sample(seed);
    for (std::size_t length = 0; length < 300; ++length) {
        const std::string bytes = sample.bytes(length);
        const std::string text = encoded(bytes);
        CHECK(decoded(text) == bytes);
        // The URL's alphabet differs in two characters.
        std::string url = as_url(bytes);
        for (char& c : url) {
            CHECK(is_base64url(c));
            c = c == '-' ? '+' : c == '_' ? '/' : c;
        }
        CHECK(text.starts_with(url));
    }
}

TEST_CASE("what is no padded base64 is refused")
{
    for (const std::string_view text : {"A", "AA", "AAA", "A===", "====", "=AAA", "AA=A", "AA==AAAA", "AA A", " AAA",
                                        "AAA ", "AAA\n", "AA-_", "AA,A", "AA\xc3\xa9"}) {
        CAPTURE(text);
        CHECK_FALSE(decoded(text).has_value());
    }
    CHECK_FALSE(decoded(std::string_view("AAA\0", 4)).has_value());
}
