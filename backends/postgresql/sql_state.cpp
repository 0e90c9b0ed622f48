#include "backends/postgresql/sql_state.hpp"

#include <array>
#include <string>

namespace coatcheck::postgresql {

namespace {

struct row {
    std::string_view starts_with;
    errc code;
    std::string_view meaning; // empty: PostgreSQL's own words do
};

// The first that fits counts.
constexpr auto rows = std::to_array<row>({
    {"08", errc::unavailable, ""},
    {"25006", errc::unavailable, "this PostgreSQL is a standby, or read only"},
    {"28", errc::unavailable, "PostgreSQL refuses the user or the password"},
    {"3D000", errc::unavailable, "there is no such database"},
    {"3F000", errc::unavailable, "there is no such schema, and Coatcheck makes none"},
    {"40", errc::unavailable, "other transactions were quicker all the time"},
    {"42501", errc::unavailable, "the role may not do this"},
    {"42703", errc::unavailable, "the table is not one of Coatcheck's"},
    {"42P01", errc::unavailable, "there is no table"},
    {"53100", errc::full, "PostgreSQL's disk is full"},
    {"53", errc::unavailable, ""},
    {"54", errc::too_large, ""},
    {"55", errc::unavailable, ""},
    {"57014", errc::timed_out, "PostgreSQL cancelled the statement"},
    {"57", errc::unavailable, ""},
    {"58", errc::unavailable, ""},
});

std::string_view field(const PGresult* r, int which) noexcept
{
    const char* const text = PQresultErrorField(r, which);
    return text != nullptr ? std::string_view(text) : std::string_view();
}

} // namespace

std::string_view sql_state_of(const PGresult* r) noexcept
{
    return field(r, PG_DIAG_SQLSTATE);
}

bool is_error(const PGresult* r) noexcept
{
    const auto status = PQresultStatus(r);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
}

bool is_fatal(const PGresult* r) noexcept
{
    const auto severity = field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity == "FATAL" || severity == "PANIC";
}

failure failure_of(std::string_view sql_state, std::string_view message)
{
    for (const auto& r : rows)
        if (sql_state.starts_with(r.starts_with)) {
            std::string detail(r.meaning.empty() ? "PostgreSQL answers" : r.meaning);
            return {r.code, detail.append(": ").append(message).append(" (").append(sql_state).append(")")};
        }
    return {errc::internal, std::string("PostgreSQL answers: ").append(message).append(" (").append(sql_state) + ")"};
}

failure failure_of(const PGresult* r)
{
    const auto message = field(r, PG_DIAG_MESSAGE_PRIMARY);
    return failure_of(sql_state_of(r), message.empty() ? one_line(PQresultErrorMessage(r)) : message);
}

} // namespace coatcheck::postgresql
