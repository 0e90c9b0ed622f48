#include "proto/msgpack_reader.hpp"

#include <boost/endian/conversion.hpp>

#include <bit>

namespace coatcheck {

namespace {

using kind = msgpack_token::kind;

constexpr std::uint8_t never_used = 0xc1;

// One token's bytes, taken from the front; past the end it takes nothing and says so.
class cursor {
public:
    cursor(const char* at, const char* end) noexcept : at_(at), end_(end) {}

    const char* at() const noexcept { return at_; }

    template <class T>
    bool take(T& value) noexcept
    {
        if (left() < sizeof(T))
            return false;
        value = boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
            reinterpret_cast<const unsigned char*>(at_));
        at_ += sizeof(T);
        return true;
    }

    bool take(std::string_view& bytes, std::size_t n) noexcept
    {
        if (left() < n)
            return false;
        bytes = {at_, n};
        at_ += n;
        return true;
    }

private:
    std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

    const char* at_;
    const char* end_;
};

template <class T>
bool take_unsigned(cursor& in, msgpack_token& t) noexcept
{
    T value;
    if (!in.take(value))
        return false;
    t.what = kind::natural;
    t.natural = value;
    return true;
}

// `T` is unsigned; its highest bit is the sign.
template <class T>
bool take_signed(cursor& in, msgpack_token& t) noexcept
{
    constexpr std::uint64_t sign = std::uint64_t{1} << (sizeof(T) * 8 - 1);
    if (!take_unsigned<T>(in, t))
        return false;
    if ((t.natural & sign) != 0) {
        t.what = kind::negative;
        t.negative = static_cast<std::int64_t>((t.natural ^ sign) - sign);
    }
    return true;
}

template <class Bits, class Real>
bool take_real(cursor& in, msgpack_token& t) noexcept
{
    Bits bits;
    if (!in.take(bits))
        return false;
    t.what = kind::real;
    t.real = std::bit_cast<Real>(bits);
    return true;
}

template <class Length>
bool take_bytes(cursor& in, msgpack_token& t, kind what) noexcept
{
    Length n;
    t.what = what;
    return in.take(n) && in.take(t.content, n);
}

bool take_ext(cursor& in, msgpack_token& t, std::size_t n) noexcept
{
    t.what = kind::ext;
    return in.take(t.ext_type) && in.take(t.content, n);
}

template <class Length>
bool take_ext(cursor& in, msgpack_token& t) noexcept
{
    Length n;
    return in.take(n) && take_ext(in, t, n);
}

template <class Count>
bool take_count(cursor& in, msgpack_token& t, kind what) noexcept
{
    Count n;
    if (!in.take(n))
        return false;
    t.what = what;
    t.count = n;
    return true;
}

bool take_token(cursor& in, msgpack_token& t) noexcept
{
    std::uint8_t lead;
    if (!in.take(lead))
        return false;
    if (lead < 0x80) {
        t.what = kind::natural;
        t.natural = lead;
        return true;
    }
    if (lead >= 0xe0) {
        t.what = kind::negative;
        t.negative = std::int64_t{lead} - 256;
        return true;
    }
    if (lead < 0xc0) {
        if (lead >= 0xa0) {
            t.what = kind::str;
            return in.take(t.content, lead & 0x1fU);
        }
        t.what = lead >= 0x90 ? kind::array : kind::map;
        t.count = lead & 0x0fU;
        return true;
    }
    switch (lead) {
    case 0xc0:
        t.what = kind::nil;
        return true;
    case 0xc2:
    case 0xc3:
        t.what = kind::boolean;
        t.is_true = lead == 0xc3;
        return true;
    case 0xc4:
        return take_bytes<std::uint8_t>(in, t, kind::bin);
    case 0xc5:
        return take_bytes<std::uint16_t>(in, t, kind::bin);
    case 0xc6:
        return take_bytes<std::uint32_t>(in, t, kind::bin);
    case 0xc7:
        return take_ext<std::uint8_t>(in, t);
    case 0xc8:
        return take_ext<std::uint16_t>(in, t);
    case 0xc9:
        return take_ext<std::uint32_t>(in, t);
    case 0xca:
        return take_real<std::uint32_t, float>(in, t);
    case 0xcb:
        return take_real<std::uint64_t, double>(in, t);
    case 0xcc:
        return take_unsigned<std::uint8_t>(in, t);
    case 0xcd:
        return take_unsigned<std::uint16_t>(in, t);
    case 0xce:
        return take_unsigned<std::uint32_t>(in, t);
    case 0xcf:
        return take_unsigned<std::uint64_t>(in, t);
    case 0xd0:
        return take_signed<std::uint8_t>(in, t);
    case 0xd1:
        return take_signed<std::uint16_t>(in, t);
    case 0xd2:
        return take_signed<std::uint32_t>(in, t);
    case 0xd3:
        return take_signed<std::uint64_t>(in, t);
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        return take_ext(in, t, std::size_t{1} << (lead - 0xd4U));
    case 0xd9:
        return take_bytes<std::uint8_t>(in, t, kind::str);
    case 0xda:
        return take_bytes<std::uint16_t>(in, t, kind::str);
    case 0xdb:
        return take_bytes<std::uint32_t>(in, t, kind::str);
    case 0xdc:
        return take_count<std::uint16_t>(in, t, kind::array);
    case 0xdd:
        return take_count<std::uint32_t>(in, t, kind::array);
    case 0xde:
        return take_count<std::uint16_t>(in, t, kind::map);
    case 0xdf:
        return take_count<std::uint32_t>(in, t, kind::map);
    default:
        return false;
    }
}

} // namespace

bool msgpack_reader::next(msgpack_token& t) noexcept
{
    cursor in(at_, end_);
    if (!take_token(in, t)) {
        if (at_ != end_ && static_cast<std::uint8_t>(*at_) != never_used)
            at_ = end_;
        return false;
    }
    t.encoding = {at_, static_cast<std::size_t>(in.at() - at_)};
    at_ = in.at();
    return true;
}

bool is_one_map(std::string_view bytes) noexcept
{
    msgpack_reader in(bytes);
    msgpack_token t;
    if (!in.next(t) || t.what != kind::map)
        return false;
    for (auto left = std::uint64_t{2} * t.count; left != 0; --left) {
        if (!in.next(t))
            return false;
        if (t.what == kind::array)
            left += t.count;
        else if (t.what == kind::map)
            left += std::uint64_t{2} * t.count;
    }
    return in.at_end();
}

} // namespace coatcheck
