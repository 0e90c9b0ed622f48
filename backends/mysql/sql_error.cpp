#include "backends/mysql/sql_error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace coatcheck::mysql {

namespace {

// By number, since the names differ between the two servers, and neither knows all of them.
struct row {
    unsigned number;
    errc code;
    std::string_view meaning; // empty where the server's own words say it
    bool ends_connection = false;
};

constexpr std::string_view read_only = "the server takes no writes; is it a replica?";
constexpr std::string_view no_rights = "the user lacks a right";

constexpr auto rows = std::to_array<row>({
    {1021, errc::full, "the server's disk is full"},
    {1041, errc::full, "the server is out of memory"},
    {1114, errc::full, "the table is full"},
    {1118, errc::too_large, "larger than InnoDB's log lets a row be"},
    {1153, errc::too_large, "larger than the server's max_allowed_packet", true},
    {1301, errc::too_large, "larger than the server's max_allowed_packet"},
    {1406, errc::too_large, ""},
    {1040, errc::unavailable, "", true},
    {1044, errc::unavailable, no_rights},
    {1045, errc::unavailable, "the server refuses the user or the password", true},
    {1049, errc::unavailable, "", true},
    {1129, errc::unavailable, "", true},
    {1130, errc::unavailable, "", true},
    {1142, errc::unavailable, no_rights},
    {1143, errc::unavailable, no_rights},
    {1146, errc::unavailable, ""},
    {1158, errc::unavailable, "", true},
    {1159, errc::unavailable, "", true},
    {1160, errc::unavailable, "", true},
    {1161, errc::unavailable, "", true},
    {1203, errc::unavailable, "", true},
    {1205, errc::unavailable, "a lock was held for too long"},
    {1213, errc::unavailable, "a deadlock"},
    {1223, errc::unavailable, "the server is locked for a backup"},
    {1226, errc::unavailable, "", true},
    {1227, errc::unavailable, no_rights},
    {1290, errc::unavailable, read_only, true},
    {1317, errc::unavailable, "somebody interrupted the statement"},
    {1665, errc::unavailable, "with binlog_format=STATEMENT the server cannot log these writes; set MIXED or ROW"},
    {1698, errc::unavailable, "the server refuses the user", true},
    {1792, errc::unavailable, read_only, true},
    {1820, errc::unavailable, "the user's password has expired", true},
    {1836, errc::unavailable, read_only, true},
    {1862, errc::unavailable, "the user's password has expired", true},
    {1969, errc::unavailable, "the statement took longer than max_statement_time"},
    {1047, errc::unavailable, "the node is not part of its cluster", true},
    {3024, errc::unavailable, "the statement took longer than max_execution_time"},
    {3100, errc::unavailable, "the cluster refused the write", true},
    {3101, errc::unavailable, "the cluster rolled the write back"},
    {3118, errc::unavailable, "the account is locked", true},
    {3159, errc::unavailable, "the server wants TLS: tls=required", true},
    {4031, errc::unavailable, "the connection was idle for too long", true},
    {4151, errc::unavailable, "the account is locked", true},
});

// The server ends the connection, or the commit, in the middle of something: what was sent may have been done.
constexpr auto interrupted = std::to_array<unsigned>({1053, 1180, 1184, 1152, 1927, 3169});

const row* find(unsigned number) noexcept
{
    const auto at = std::ranges::find(rows, number, &row::number);
    return at != rows.end() ? &*at : nullptr;
}

// Of errors that name the system's: "Got error 28 \"No space left on device\" from storage engine InnoDB".
bool is_no_space(const sql_error& e) noexcept
{
    constexpr auto of_the_system = std::to_array<unsigned>({3, 20, 1026, 1030});
    return std::ranges::find(of_the_system, e.number) != of_the_system.end() &&
           (e.text.find(" 28") != std::string::npos || e.text.find("No space") != std::string::npos);
}

bool is_interrupted(const sql_error& e) noexcept
{
    return std::ranges::find(interrupted, e.number) != interrupted.end();
}

} // namespace

bool is_lost_race(const sql_error& e) noexcept
{
    return !e.late && (e.number == 1205 || e.number == 1213 || e.number == 3101);
}

bool is_duplicate(const sql_error& e) noexcept
{
    return !e.late && (e.number == 1062 || e.number == 1586);
}

bool is_no_table(const sql_error& e) noexcept
{
    return !e.late && e.number == 1146;
}

bool is_unprepared(const sql_error& e) noexcept
{
    return !e.late && (e.number == 1243 || e.number == 1412 || e.number == 1615);
}

bool is_broken(const sql_error& e) noexcept
{
    return e.late || (e.number >= 2000 && e.number < 3000) || (e.number >= 5000 && e.number < 6000);
}

bool ends_connection(const sql_error& e) noexcept
{
    if (is_broken(e) || is_interrupted(e))
        return true;
    const auto* known = find(e.number);
    return known != nullptr && known->ends_connection;
}

failure failure_of(const sql_error& e, bool writing)
{
    constexpr std::size_t longest = 300;
    std::string text = "(" + std::to_string(e.number) + ") " + e.text.substr(0, longest);
    if (e.late)
        return {errc::timed_out, "MySQL did not answer in time"};
    if (is_broken(e) || is_interrupted(e)) {
        if (writing)
            return {errc::timed_out, "the connection ended before MySQL answered: " + text};
        return {errc::unavailable, "no connection to MySQL: " + text};
    }
    if (is_no_space(e))
        return {errc::full, "the server's disk is full: " + text};
    const auto* known = find(e.number);
    if (known == nullptr)
        return {errc::internal, "MySQL answers " + text};
    const std::string meaning(known->meaning);
    return {known->code, "MySQL: " + (meaning.empty() ? text : meaning + ": " + text)};
}

} // namespace coatcheck::mysql
