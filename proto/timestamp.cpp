#include "proto/timestamp.hpp"

#include <boost/endian/conversion.hpp>

#include <chrono>

namespace coatcheck {

namespace {

constexpr std::uint32_t second = 1'000'000'000;

template <class T>
T load(std::string_view from, std::size_t at = 0) noexcept
{
    return boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
        reinterpret_cast<const unsigned char*>(from.data()) + at);
}

template <class T>
void store(char* to, T value) noexcept
{
    boost::endian::endian_store<T, sizeof(T), boost::endian::order::big>(reinterpret_cast<unsigned char*>(to), value);
}

// Reads a text from its beginning; once something is missing, everything that follows is.
class scanner {
public:
    explicit scanner(std::string_view text) noexcept : text_(text) {}

    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return text_.empty(); }

    bool accept(std::string_view any_of) noexcept
    {
        if (text_.empty() || any_of.find(text_.front()) == std::string_view::npos)
            return false;
        text_.remove_prefix(1);
        return true;
    }

    void expect(std::string_view any_of) noexcept { ok_ = accept(any_of) && ok_; }

    bool at_digit() const noexcept { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }

    // `digits` digits that make a number up to `most`.
    unsigned number(int digits, unsigned most) noexcept
    {
        unsigned value = 0;
        for (int i = 0; i < digits; ++i) {
            if (!at_digit()) {
                ok_ = false;
                return 0;
            }
            value = value * 10 + static_cast<unsigned>(text_.front() - '0');
            text_.remove_prefix(1);
        }
        ok_ = ok_ && value <= most;
        return value;
    }

private:
    std::string_view text_;
    bool ok_ = true;
};

char* put_digits(char* out, unsigned value, int digits) noexcept
{
    for (int i = digits - 1; i >= 0; --i) {
        out[i] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    return out + digits;
}

} // namespace

std::optional<timestamp> read_timestamp(std::string_view content) noexcept
{
    timestamp t;
    if (content.size() == 4) {
        t.seconds = load<std::uint32_t>(content);
    } else if (content.size() == 8) {
        const auto both = load<std::uint64_t>(content);
        t.seconds = static_cast<std::int64_t>(both & ((std::uint64_t{1} << 34U) - 1));
        t.nanoseconds = static_cast<std::uint32_t>(both >> 34U);
    } else if (content.size() == 12) {
        t.nanoseconds = load<std::uint32_t>(content);
        t.seconds = load<std::int64_t>(content, 4);
    } else {
        return std::nullopt;
    }
    return t.nanoseconds < second ? std::optional(t) : std::nullopt;
}

std::size_t write_timestamp(const timestamp& t, std::array<char, 12>& out) noexcept
{
    const auto seconds = static_cast<std::uint64_t>(t.seconds);
    if (seconds >> 34U != 0) {
        store(out.data(), t.nanoseconds);
        store(out.data() + 4, t.seconds);
        return 12;
    }
    if (t.nanoseconds != 0 || seconds >> 32U != 0) {
        store(out.data(), std::uint64_t{t.nanoseconds} << 34U | seconds);
        return 8;
    }
    store(out.data(), static_cast<std::uint32_t>(seconds));
    return 4;
}

std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept
{
    using namespace std::chrono;
    scanner in(text);
    const unsigned y = in.number(4, 9999);
    in.expect("-");
    const unsigned m = in.number(2, 12);
    in.expect("-");
    const unsigned d = in.number(2, 31);
    in.expect("Tt ");
    const hours h{in.number(2, 23)};
    in.expect(":");
    const minutes min{in.number(2, 59)};
    in.expect(":");
    const seconds s{in.number(2, 59)};

    timestamp t;
    if (in.accept(".")) {
        std::uint32_t unit = second / 10;
        do {
            t.nanoseconds += in.number(1, 9) * unit;
            unit /= 10;
        } while (in.at_digit() && unit != 0);
    }
    seconds offset{};
    if (!in.accept("Zz")) {
        const bool west = in.accept("-");
        if (!west)
            in.expect("+");
        offset = hours{in.number(2, 23)};
        in.expect(":");
        offset += minutes{in.number(2, 59)};
        if (west)
            offset = -offset;
    }
    const year_month_day date{year{static_cast<int>(y)}, month{m}, day{d}};
    if (!in.ok() || !in.at_end() || !date.ok())
        return std::nullopt;
    t.seconds = (sys_days{date} + h + min + s - offset).time_since_epoch().count();
    return t;
}

std::size_t write_rfc3339(const timestamp& t, char* out) noexcept
{
    using namespace std::chrono;
    constexpr auto first = sys_seconds{sys_days{year{0} / 1 / 1}}.time_since_epoch().count();
    constexpr auto last = sys_seconds{sys_days{year{10000} / 1 / 1}}.time_since_epoch().count() - 1;
    if (t.seconds < first || t.seconds > last)
        return 0;
    const sys_seconds moment{seconds{t.seconds}};
    const auto midnight = floor<days>(moment);
    const year_month_day date{midnight};
    const hh_mm_ss time{moment - midnight};

    const char* const begin = out;
    out = put_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    *out++ = '-';
    out = put_digits(out, static_cast<unsigned>(date.month()), 2);
    *out++ = '-';
    out = put_digits(out, static_cast<unsigned>(date.day()), 2);
    *out++ = 'T';
    out = put_digits(out, static_cast<unsigned>(time.hours().count()), 2);
    *out++ = ':';
    out = put_digits(out, static_cast<unsigned>(time.minutes().count()), 2);
    *out++ = ':';
    out = put_digits(out, static_cast<unsigned>(time.seconds().count()), 2);
    if (t.nanoseconds != 0) {
        *out++ = '.';
        if (t.nanoseconds % 1'000'000 == 0)
            out = put_digits(out, t.nanoseconds / 1'000'000, 3);
        else if (t.nanoseconds % 1'000 == 0)
            out = put_digits(out, t.nanoseconds / 1'000, 6);
        else
            out = put_digits(out, t.nanoseconds, 9);
    }
    *out++ = 'Z';
    return static_cast<std::size_t>(out - begin);
}

} // namespace coatcheck
