#include "backends/mysql/stored_row.hpp"

#include <utility>

namespace coatcheck::mysql {

namespace {

constexpr std::uint64_t format = 1;

// In the order of statements.hpp.
enum column : std::uint8_t {
    format_at,
    kind_at,
    revision_at,
    version_at,
    stamp_at,
    created_at,
    last_seen_at,
    expires_at,
    absolute_end_at,
    keep_until_at,
    locked_until_at,
    lock_token_at,
    idle_at,
};

std::uint64_t ms(time_point t) noexcept
{
    return static_cast<std::uint64_t>(t.time_since_epoch().count());
}

} // namespace

void append_head(std::vector<parameter>& to, const head& about, std::uint64_t stamp)
{
    for (const std::uint64_t number :
         {format, static_cast<std::uint64_t>(about.what), about.revision, about.data_version.bits, stamp,
          ms(about.created), ms(about.last_seen), ms(about.expires), ms(about.absolute_end), ms(about.keep_until),
          ms(about.locked_until), about.lock_token, static_cast<std::uint64_t>(about.idle.count())})
        to.emplace_back(number);
    to.emplace_back(bytes{about.subject});
    to.emplace_back(bytes{about.label});
}

std::uint64_t stamp_of(const row& r) noexcept
{
    return r.numbers[stamp_at];
}

result<head> head_of(row& r)
{
    const auto& n = r.numbers;
    if (n[format_at] > format)
        return failure{errc::newer_format, "MySQL: record format " + std::to_string(n[format_at])};
    if (n[format_at] != format || n[kind_at] < static_cast<std::uint64_t>(kind::live) ||
        n[kind_at] > static_cast<std::uint64_t>(kind::pending))
        return failure{errc::corrupt, "MySQL: a row that is no record"};

    head h;
    h.what = static_cast<kind>(n[kind_at]);
    h.revision = n[revision_at];
    h.data_version.bits = n[version_at];
    const std::pair<column, time_point&> times[] = {{created_at, h.created},       {last_seen_at, h.last_seen},
                                                    {expires_at, h.expires},       {absolute_end_at, h.absolute_end},
                                                    {keep_until_at, h.keep_until}, {locked_until_at, h.locked_until}};
    for (const auto& [at, to] : times) {
        if (n[at] > ms(never)) // a negative one too
            return failure{errc::corrupt, "MySQL: a row with a time out of range"};
        to = time_point{std::chrono::milliseconds{static_cast<std::int64_t>(n[at])}};
    }
    h.lock_token = n[lock_token_at];
    h.idle = std::chrono::seconds{static_cast<std::int64_t>(n[idle_at])};
    h.subject = std::move(r.strings[0]);
    h.label = std::move(r.strings[1]);
    return h;
}

} // namespace coatcheck::mysql
