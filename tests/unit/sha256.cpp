#include "proto/sha256.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace coatcheck;

namespace {

std::string hex(const sha256_digest& d)
{
    std::string out;
    for (const unsigned char c : d) {
        out += "0123456789abcdef"[c >> 4U];
        out += "0123456789abcdef"[c & 15U];
    }
    return out;
}

// `first` and what follows it, up to `last`.
std::string run(int first, int last)
{
    std::string out;
    for (int c = first; c <= last; ++c)
        out += static_cast<char>(c);
    return out;
}

} // namespace

TEST_CASE("HMAC-SHA-256 gives what RFC 4231 says")
{
    CHECK(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("HKDF-SHA-256 gives the first 32 bytes of what RFC 5869 says")
{
    const auto first = hkdf_extract(run(0, 0x0c), std::string(22, '\x0b'));
    CHECK(hex(first) == "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    CHECK(hex(hkdf_expand(first, run(0xf0, 0xf9))) ==
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");

    const auto second = hkdf_extract(run(0x60, 0xaf), run(0, 0x4f));
    CHECK(hex(second) == "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
    CHECK(hex(hkdf_expand(second, run(0xb0, 0xff))) ==
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c");

    const auto third = hkdf_extract("", std::string(22, '\x0b'));
    CHECK(hex(third) == "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
    CHECK(hex(hkdf_expand(third, "")) == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}
