#include "backends/mysql/server_facts.hpp"
#include "backends/mysql/sql_error.hpp"
#include "backends/mysql/statements.hpp"
#include "backends/mysql/stored_row.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace coatcheck;
using namespace coatcheck::mysql;

namespace {

row row_of(const head& about, std::uint64_t stamp)
{
    std::vector<parameter> parameters;
    append_head(parameters, about, stamp);
    row r;
    for (const auto& p : parameters) {
        if (const auto* number = std::get_if<std::uint64_t>(&p))
            r.numbers.push_back(*number);
        else
            r.strings.emplace_back(std::get<bytes>(p).value);
    }
    return r;
}

std::size_t marks_in(const std::string& sql)
{
    return static_cast<std::size_t>(std::ranges::count(sql, '?'));
}

time_point at(std::int64_t ms)
{
    return time_point{std::chrono::milliseconds{ms}};
}

} // namespace

TEST_CASE("MySQL's errors become ours, and a write that was cut off is never said not to have landed")
{
    struct {
        unsigned number;
        const char* text;
        errc reading;
        errc writing;
    } const cases[] = {
        {1021, "Disk full", errc::full, errc::full},
        {1114, "The table 'sessions' is full", errc::full, errc::full},
        {1030, "Got error 28 \"No space left on device\" from storage engine InnoDB", errc::full, errc::full},
        {1030, "Got error 168 from storage engine", errc::internal, errc::internal},
        {1040, "Too many connections", errc::unavailable, errc::unavailable},
        {1045, "Access denied for user 'app'@'localhost' (using password: YES)", errc::unavailable, errc::unavailable},
        {1053, "Server shutdown in progress", errc::unavailable, errc::timed_out},
        {1142, "INSERT command denied to user", errc::unavailable, errc::unavailable},
        {1146, "Table 'sessions.coatcheck_sessions' doesn't exist", errc::unavailable, errc::unavailable},
        {1153, "Got a packet bigger than 'max_allowed_packet' bytes", errc::too_large, errc::too_large},
        {1180, "Got error 5 during COMMIT", errc::unavailable, errc::timed_out},
        {1290, "The server is running with the --read-only option", errc::unavailable, errc::unavailable},
        {1406, "Data too long for column 'payload' at row 1", errc::too_large, errc::too_large},
        {1836, "Running in read-only mode", errc::unavailable, errc::unavailable},
        {1927, "Connection was killed", errc::unavailable, errc::timed_out},
        {2002, "Can't connect to server", errc::unavailable, errc::timed_out},
        {2006, "Server has gone away", errc::unavailable, errc::timed_out},
        {2013, "Lost connection to server during query", errc::unavailable, errc::timed_out},
        {2026, "TLS/SSL error: certificate verify failed", errc::unavailable, errc::timed_out},
        {5014, "Something of the library's", errc::unavailable, errc::timed_out},
        {1064, "You have an error in your SQL syntax", errc::internal, errc::internal},
    };
    for (const auto& c : cases) {
        CAPTURE(c.number);
        const sql_error e(c.number, c.text);
        CHECK(failure_of(e, false).code == c.reading);
        CHECK(failure_of(e, true).code == c.writing);
        CHECK(failure_of(e, true).detail.find(c.text) != std::string::npos);
        const bool landed_perhaps = c.writing == errc::timed_out;
        CHECK((!landed_perhaps || ends_connection(e)));
    }
    CHECK(failure_of(sql_error(2013, "Lost connection", true), false).code == errc::timed_out);
    CHECK(failure_of(sql_error(1064, std::string(100'000, 'x')), true).detail.size() < 1000);
}

TEST_CASE("MySQL's errors that say that nothing happened are told from the others")
{
    for (const unsigned n : {1205U, 1213U}) {
        CHECK(is_lost_race(sql_error(n, "")));
        CHECK(!ends_connection(sql_error(n, "")));
        CHECK(!is_lost_race(sql_error(n, "", true)));
    }
    CHECK(is_duplicate(sql_error(1062, "")));
    CHECK(!is_duplicate(sql_error(1062, "", true)));
    CHECK(is_no_table(sql_error(1146, "")));
    CHECK(is_unprepared(sql_error(1243, "")));
    for (const unsigned n : {1040U, 1045U, 1290U, 1836U, 2013U})
        CHECK(ends_connection(sql_error(n, "")));
}

TEST_CASE("a record's head comes back from MySQL's columns as it went")
{
    head h;
    h.what = kind::pending;
    h.revision = UINT64_MAX;
    h.data_version.bits = 0x8000000000000001;
    h.created = at(1);
    h.last_seen = at(2);
    h.expires = at(3);
    h.keep_until = at(4);
    h.locked_until = at(5);
    h.idle = std::chrono::seconds{UINT32_MAX};
    h.lock_token = UINT64_MAX - 1;
    h.subject = std::string("a\0b", 3);
    h.label = "\xff";
    auto r = row_of(h, 77);
    CHECK(r.numbers.size() == head_shape.numbers);
    CHECK(r.strings.size() == head_shape.strings);
    CHECK(stamp_of(r) == 77);
    CHECK(head_of(r).value() == h);
    CHECK(h.absolute_end == never);
}

TEST_CASE("a row of MySQL's that is no record is corrupt, and one of a later release is said to be")
{
    const auto why = [](std::size_t column, std::uint64_t value) {
        auto r = row_of(head{}, 1);
        r.numbers.at(column) = value;
        const auto h = head_of(r);
        return h.has_value() ? errc::internal : h.error().code;
    };
    CHECK(why(0, 0) == errc::corrupt);
    CHECK(why(0, 2) == errc::newer_format);
    CHECK(why(1, 0) == errc::corrupt);
    CHECK(why(1, 5) == errc::corrupt);
    for (std::size_t column = 5; column <= 10; ++column) {
        CHECK(why(column, static_cast<std::uint64_t>(never.time_since_epoch().count()) + 1) == errc::corrupt);
        CHECK(why(column, static_cast<std::uint64_t>(-1)) == errc::corrupt);
    }
}

TEST_CASE("MySQL's statements have as many marks as parameters, and the table's name")
{
    const statements sql("elsewhere");
    std::vector<parameter> of_head;
    append_head(of_head, head{}, 0);
    const auto n = of_head.size();
    const std::pair<verb, std::size_t> expected[] = {{verb::find, 1},
                                                     {verb::load, 1},
                                                     {verb::insert, n + 2},
                                                     {verb::replace, n + 3},
                                                     {verb::replace_head, n + 2},
                                                     {verb::remove, 2},
                                                     {verb::expired, 1},
                                                     {verb::forget, 1}};
    for (const auto& [what, marks] : expected) {
        CHECK(marks_in(sql.of(what)) == marks);
        CHECK(sql.of(what).find(" elsewhere") != std::string::npos);
    }
    CHECK(sql.create().starts_with("CREATE TABLE IF NOT EXISTS elsewhere"));
    CHECK(sql.create().find("payload MEDIUMBLOB") != std::string::npos);
}

TEST_CASE("what MySQL's settings leave for a payload")
{
    CHECK(largest_payload(0) == 0);
    CHECK(largest_payload(4096) == 0);
    CHECK(largest_payload(1U << 20U) == (1U << 20U) - 4096);
    CHECK(largest_payload(1U << 24U) == (1U << 24U) - 4096);
    CHECK(largest_payload(1U << 30U) == (1U << 24U) - 1);
}
