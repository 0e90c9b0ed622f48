#include "backends/postgresql/rows.hpp"

#include <boost/endian/conversion.hpp>

#include <charconv>
#include <limits>

namespace coatcheck::postgresql {

namespace {

// In the order of the statements.
enum column : int {
    written_at,
    format_at,
    kind_at,
    revision_at,
    version_at,
    created_at,
    last_seen_at,
    expires_at,
    absolute_end_at,
    keep_until_at,
    locked_until_at,
    lock_token_at,
    idle_at,
    subject_at,
    label_at,
    payload_at,
};

constexpr std::int64_t format = 1;

// -1, which nothing of ours is, for NULL and for another type.
template <class T>
std::int64_t integer(const PGresult* rows, column at) noexcept
{
    const auto bytes = text_in(rows, at);
    if (bytes.size() != sizeof(T))
        return -1;
    return boost::endian::endian_load<T, sizeof(T), boost::endian::order::big>(
        reinterpret_cast<const unsigned char*>(bytes.data()));
}

result<time_point> time_in(const PGresult* rows, column at)
{
    const std::int64_t ms = integer<std::int64_t>(rows, at);
    if (ms < 0 || ms > never.time_since_epoch().count())
        return failure{errc::corrupt, std::string("a time out of range in the column ") + PQfname(rows, at)};
    return time_point{std::chrono::milliseconds{ms}};
}

} // namespace

std::string_view text_in(const PGresult* rows, int column)
{
    return {PQgetvalue(rows, 0, column), static_cast<std::size_t>(PQgetlength(rows, 0, column))};
}

result<std::optional<answered_head>> head_in(const PGresult* rows)
{
    if (PQntuples(rows) == 0)
        return std::nullopt;
    if (PQntuples(rows) != 1 || PQnfields(rows) <= label_at)
        return failure{errc::internal, "PostgreSQL answers something else than a head"};
    const std::int64_t written_as = integer<std::int16_t>(rows, format_at);
    if (written_as > format)
        return failure{errc::newer_format, "record format " + std::to_string(written_as)};
    const std::int64_t what = integer<std::int16_t>(rows, kind_at);
    const std::int64_t idle = integer<std::int64_t>(rows, idle_at);
    if (written_as != format || what < static_cast<int>(kind::live) || what > static_cast<int>(kind::pending) ||
        idle < 0 || idle > std::numeric_limits<std::uint32_t>::max())
        return failure{errc::corrupt, "a row that is no record"};

    answered_head answer{text_in(rows, written_at) == std::string_view("\1", 1), {}};
    head& h = answer.about;
    h.what = static_cast<kind>(what);
    h.revision = static_cast<std::uint64_t>(integer<std::int64_t>(rows, revision_at));
    h.data_version.bits = static_cast<std::uint64_t>(integer<std::int64_t>(rows, version_at));
    h.lock_token = static_cast<std::uint64_t>(integer<std::int64_t>(rows, lock_token_at));
    h.idle = std::chrono::seconds{idle};
    struct {
        column at;
        time_point& to;
    } const times[] = {{created_at, h.created},       {last_seen_at, h.last_seen},
                       {expires_at, h.expires},       {absolute_end_at, h.absolute_end},
                       {keep_until_at, h.keep_until}, {locked_until_at, h.locked_until}};
    for (const auto& [at, to] : times) {
        const auto t = time_in(rows, at);
        if (!t)
            return t.error();
        to = *t;
    }
    h.subject = text_in(rows, subject_at);
    h.label = text_in(rows, label_at);
    return std::optional(std::move(answer));
}

int changed_by(const PGresult* done)
{
    const std::string_view digits = PQcmdTuples(const_cast<PGresult*>(done)); // which it does not change
    int count = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), count);
    return count;
}

std::string_view payload_in(const PGresult* rows)
{
    return text_in(rows, payload_at);
}

} // namespace coatcheck::postgresql
