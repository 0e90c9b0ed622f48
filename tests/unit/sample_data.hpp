#pragma once
// Random data for properties: the same for the same seed.

#include <cstdint>
#include <random>
#include <string>

namespace coatcheck::test {

// From $COATCHECK_SEED, else a new one. CAPTURE it, so that a failure shows it.
std::uint64_t new_seed();

class sample_data {
public:
    explicit sample_data(std::uint64_t seed) : engine_(seed) {}

    // 0 to `below` - 1.
    std::uint64_t number(std::uint64_t below);
    std::string bytes(std::size_t length);
    // Valid UTF-8 of up to `most` characters.
    std::string text(std::size_t most);

    // One map with string keys in MessagePack: all types, all widths of encoding, duplicate keys.
    std::string document();

    // `of` with a byte changed, inserted or removed, or cut short.
    std::string damaged(std::string of);

private:
    std::string value(int depth);
    std::string str();
    std::string integer();
    std::string header(std::uint64_t n, unsigned char fix, std::uint64_t below_fix, unsigned char code8,
                       unsigned char code16);

    std::mt19937_64 engine_;
};

} // namespace coatcheck::test
