#include "tests/unit/sample_data.hpp"

#include <array>
#include <cstdlib>
#include <vector>

namespace coatcheck::test {

namespace {

std::string big_endian(std::uint64_t value, int size)
{
    std::string out;
    for (int i = size - 1; i >= 0; --i)
        out += static_cast<char>(value >> (8U * static_cast<unsigned>(i)));
    return out;
}

constexpr unsigned char none = 0;

} // namespace

std::uint64_t new_seed()
{
    if (const char* const given = std::getenv("COATCHECK_SEED"))
        return std::stoull(given);
    std::random_device device;
    return device();
}

std::uint64_t sample_data::number(std::uint64_t below)
{
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(engine_);
}

std::string sample_data::bytes(std::size_t length)
{
    std::string out(length, '\0');
    for (char& c : out)
        c = static_cast<char>(number(256));
    return out;
}

std::string sample_data::text(std::size_t most)
{
    static const std::array<std::string, 14> characters{
        "a", "b", "Z", "0", "$", "$", "\"", "\\", std::string(1, '\0'), "\n", "\x7f", "é", "€", "🍺"};
    std::string out;
    for (auto n = number(most + 1); n > 0; --n)
        out += characters.at(number(characters.size()));
    return out;
}

// A length or count in one of the forms that can hold it. `code8` is none for arrays and maps; 32 bits follow 16.
std::string sample_data::header(std::uint64_t n, unsigned char fix, std::uint64_t below_fix, unsigned char code8,
                                unsigned char code16)
{
    std::vector<std::string> forms;
    if (n < below_fix)
        forms.emplace_back(1, static_cast<char>(fix | n));
    if (code8 != none && n < 256)
        forms.push_back(static_cast<char>(code8) + big_endian(n, 1));
    if (n < 65536)
        forms.push_back(static_cast<char>(code16) + big_endian(n, 2));
    forms.push_back(static_cast<char>(code16 + 1) + big_endian(n, 4));
    return forms[number(2) == 0 ? 0 : number(forms.size())];
}

std::string sample_data::str()
{
    const std::string t = text(number(20) == 0 ? 300 : 12);
    return header(t.size(), 0xa0, 32, 0xd9, 0xda) + t;
}

std::string sample_data::integer()
{
    const unsigned size = static_cast<unsigned>(number(4));
    const bool is_signed = number(2) == 0;
    // Few significant bits, so that the same numbers come in several widths.
    const std::uint64_t bits = number(2) == 0 ? number(4) : engine_();
    return static_cast<char>((is_signed ? 0xd0U : 0xccU) + size) + big_endian(bits, 1 << size);
}

std::string sample_data::value(int depth)
{
    switch (number(depth > 0 ? 14 : 11)) {
    case 0:
        return "\xc0";
    case 1:
        return number(2) == 0 ? "\xc2" : "\xc3";
    case 2:
        return std::string(1, static_cast<char>(number(128)));
    case 3:
        return std::string(1, static_cast<char>(0xe0 + number(32)));
    case 4:
        return integer();
    case 5:
        return '\xca' + (number(4) == 0 ? big_endian(0x7f800000 + number(3), 4) : bytes(4));
    case 6:
        return '\xcb' + (number(4) == 0 ? big_endian((0xfffU - number(2) * 0x800U) << 52U | number(2), 8) : bytes(8));
    case 7:
        return str();
    case 8: {
        const std::string b = bytes(number(number(20) == 0 ? 300 : 8));
        return header(b.size(), none, 0, 0xc4, 0xc5) + b;
    }
    case 9: {
        const auto power = static_cast<unsigned>(number(5));
        return static_cast<char>(0xd4 + power) + bytes(1) + bytes(std::size_t{1} << power);
    }
    case 10: { // mostly timestamps
        static constexpr std::array<std::size_t, 4> lengths{4, 8, 12, 3};
        const std::size_t length = lengths.at(number(4));
        std::string content = number(2) == 0 ? std::string(length, '\0') : bytes(length);
        if (length == 12)
            content.replace(0, 8, big_endian(number(1'000'000'100), 4) + big_endian(number(2) == 0 ? 0 : ~0ULL, 4));
        return header(length, none, 0, 0xc7, 0xc8) + '\xff' + content;
    }
    case 11: {
        const auto n = number(number(10) == 0 ? 40 : 5);
        std::string out = header(n, 0x90, 16, none, 0xdc);
        for (std::uint64_t i = 0; i < n; ++i)
            out += value(depth - 1);
        return out;
    }
    default: {
        const auto n = number(number(10) == 0 ? 60 : 5);
        const bool string_keys = number(2) == 0;
        std::string out = header(n, 0x80, 16, none, 0xde);
        for (std::uint64_t i = 0; i < n; ++i) {
            out += string_keys ? str() : value(depth - 1);
            out += value(depth - 1);
        }
        return out;
    }
    }
}

std::string sample_data::document()
{
    const auto n = number(12);
    std::string out = header(n, 0x80, 16, none, 0xde);
    for (std::uint64_t i = 0; i < n; ++i)
        out += str() + value(4);
    return out;
}

std::string sample_data::damaged(std::string of)
{
    if (of.empty())
        return of;
    const auto at = number(of.size());
    switch (number(4)) {
    case 0:
        of[at] = static_cast<char>(number(256));
        break;
    case 1:
        of.insert(at, 1, static_cast<char>(number(256)));
        break;
    case 2:
        of.erase(at, 1);
        break;
    default:
        of.resize(at);
    }
    of.shrink_to_fit();
    return of;
}

} // namespace coatcheck::test
