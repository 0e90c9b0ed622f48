#include "proto/record.hpp"

#include "proto/random.hpp"

#include <boost/endian/conversion.hpp>

#include <array>
#include <cassert>
#include <limits>

namespace coatcheck {

namespace {

// proto/README.md, "At rest"; all integers are big endian, so that a backend's script can compare and slice them.
namespace layout {
constexpr std::string_view magic = "CC";
constexpr std::uint8_t format = 1;
enum at : std::size_t {
    format_number = 2,
    kind = 3,
    revision = 4,
    data_version = 12,
    created = 20,
    last_seen = 28,
    expires = 36,
    absolute_end = 44,
    keep_until = 52,
    locked_until = 60,
    lock_token = 68,
    idle = 76,
    subject_length = 80,
    label_length = 82,
    subject = 84,
};
} // namespace layout

using fixed_part = std::array<unsigned char, layout::subject>;

template <class T>
void put(fixed_part& to, layout::at at, T value) noexcept
{
    boost::endian::endian_store<T, sizeof(T), boost::endian::order::big>(to.data() + at, value);
}

void put(fixed_part& to, layout::at at, time_point value) noexcept
{
    put<std::uint64_t>(to, at, static_cast<std::uint64_t>(value.time_since_epoch().count()));
}

template <class T>
T get(std::string_view from, layout::at at) noexcept
{
    return boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
        reinterpret_cast<const unsigned char*>(from.data()) + at);
}

result<time_point> get_time(std::string_view from, layout::at at)
{
    const auto ms = get<std::uint64_t>(from, at);
    if (ms > static_cast<std::uint64_t>(never.time_since_epoch().count()))
        return failure{errc::corrupt, "a time beyond 2^53 ms at byte " + std::to_string(at)};
    return time_point{std::chrono::milliseconds{static_cast<std::int64_t>(ms)}};
}

} // namespace

version make_version()
{
    return {random_uint64()};
}

void encode(const head& about, std::string_view payload, std::string& out)
{
    [[maybe_unused]] constexpr std::size_t longest = std::numeric_limits<std::uint16_t>::max();
    assert(about.subject.size() <= longest && about.label.size() <= longest);
    fixed_part fixed;
    fixed[0] = 'C';
    fixed[1] = 'C';
    fixed[layout::format_number] = layout::format;
    fixed[layout::kind] = static_cast<unsigned char>(about.what);
    put(fixed, layout::revision, about.revision);
    put(fixed, layout::data_version, about.data_version.bits);
    put(fixed, layout::created, about.created);
    put(fixed, layout::last_seen, about.last_seen);
    put(fixed, layout::expires, about.expires);
    put(fixed, layout::absolute_end, about.absolute_end);
    put(fixed, layout::keep_until, about.keep_until);
    put(fixed, layout::locked_until, about.locked_until);
    put(fixed, layout::lock_token, about.lock_token);
    put(fixed, layout::idle, static_cast<std::uint32_t>(about.idle.count()));
    put(fixed, layout::subject_length, static_cast<std::uint16_t>(about.subject.size()));
    put(fixed, layout::label_length, static_cast<std::uint16_t>(about.label.size()));
    out.reserve(out.size() + fixed.size() + about.subject.size() + about.label.size() + payload.size());
    out.append(reinterpret_cast<const char*>(fixed.data()), fixed.size());
    out.append(about.subject).append(about.label).append(payload);
}

result<decoded_head> decode_head(std::string_view bytes)
{
    if (bytes.size() < layout::kind || !bytes.starts_with(layout::magic))
        return failure{errc::corrupt, "not a record"};
    const auto format = static_cast<std::uint8_t>(bytes[layout::format_number]);
    if (format > layout::format)
        return failure{errc::newer_format, "record format " + std::to_string(format)};
    if (format != layout::format || bytes.size() < layout::subject)
        return failure{errc::corrupt, "a record cut short"};

    head h;
    const auto what = static_cast<std::uint8_t>(bytes[layout::kind]);
    if (what < static_cast<std::uint8_t>(kind::live) || what > static_cast<std::uint8_t>(kind::pending))
        return failure{errc::corrupt, "record of unknown kind " + std::to_string(what)};
    h.what = static_cast<kind>(what);
    h.revision = get<std::uint64_t>(bytes, layout::revision);
    h.data_version.bits = get<std::uint64_t>(bytes, layout::data_version);
    struct {
        layout::at at;
        time_point& to;
    } const times[] = {{layout::created, h.created},       {layout::last_seen, h.last_seen},
                       {layout::expires, h.expires},       {layout::absolute_end, h.absolute_end},
                       {layout::keep_until, h.keep_until}, {layout::locked_until, h.locked_until}};
    for (const auto& [at, to] : times) {
        auto t = get_time(bytes, at);
        if (!t)
            return t.error();
        to = *t;
    }
    h.lock_token = get<std::uint64_t>(bytes, layout::lock_token);
    h.idle = std::chrono::seconds{get<std::uint32_t>(bytes, layout::idle)};
    const std::size_t subject_length = get<std::uint16_t>(bytes, layout::subject_length);
    const std::size_t label_length = get<std::uint16_t>(bytes, layout::label_length);
    const std::size_t payload_at = layout::subject + subject_length + label_length;
    if (bytes.size() < payload_at)
        return failure{errc::corrupt, "a record cut short"};
    h.subject = bytes.substr(layout::subject, subject_length);
    h.label = bytes.substr(layout::subject + subject_length, label_length);
    return decoded_head{std::move(h), payload_at};
}

result<record> decode_record(std::string_view bytes)
{
    auto decoded = decode_head(bytes);
    if (!decoded)
        return decoded.error();
    return record{std::move(decoded->about), std::string(bytes.substr(decoded->payload_at))};
}

} // namespace coatcheck
