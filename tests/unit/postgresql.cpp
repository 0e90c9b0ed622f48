// PostgreSQL without a server: values on the wire, errors and what an acknowledgement means.

#include "backends/postgresql/server_facts.hpp"
#include "backends/postgresql/sql_state.hpp"
#include "backends/postgresql/statements.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace coatcheck::postgresql;
using namespace std::chrono_literals;

TEST_CASE("PostgreSQL's parameters are binary, and what is not sent is NULL, which an empty text is not")
{
    parameters p;
    p.text("a").integer(-2).null().bytes(std::string_view("\0b", 2)).text("");
    REQUIRE(p.count() == 5);
    const auto value = [&](std::size_t i) {
        return std::string_view(p.value(i), static_cast<std::size_t>(p.length(i)));
    };
    CHECK(value(0) == "a");
    CHECK((value(1) == std::string_view("\xff\xff\xff\xff\xff\xff\xff\xfe", 8)));
    CHECK(p.value(2) == nullptr);
    CHECK((value(3) == std::string_view("\0b", 2)));
    CHECK(p.value(4) != nullptr);
    CHECK(p.length(4) == 0);
}

TEST_CASE("PostgreSQL's statements have as many parameters as they are given")
{
    const statements sql("\"t\"");
    const handle name(std::string(handle::length, 'a'));
    const head_changes changes;
    const auto now = time_point{1s};
    const auto put = put_parameters(name, apply(nullptr, changes, now), changes, "x", precondition::none(), now);
    for (const auto* each :
         {&sql.create, &sql.upsert, &sql.replace, &sql.replace_same_version, &sql.replace_same_revision})
        CHECK(each->types.size() == put.count());
    CHECK(sql.load.types.size() == look_parameters(name).count());
    CHECK(sql.look.types.size() == look_parameters(name).count());
    CHECK(sql.extend.types.size() == extend_parameters(name, now, 1s).count());
    CHECK(sql.end.types.size() == end_parameters(name, now, now).count());
    CHECK(sql.forget.types.size() == forget_parameters(name, now).count());
    CHECK(sql.sweep.types.size() == sweep_parameters(now, 1).count());
}

TEST_CASE("PostgreSQL's prepared statements are named after their text")
{
    const statements one("\"one\"");
    const statements other("\"other\"");
    CHECK(one.load.name == statements("\"one\"").load.name);
    CHECK(one.load.name != one.look.name);
    CHECK(one.load.name != other.load.name);
    CHECK(one.make_table.name.empty());
}

TEST_CASE("the SQL for a role grants it what it needs, whatever its name is")
{
    const auto for_role = [](const std::string& role) { return schema("\"s\".\"t\"", role); };
    CHECK(for_role("app").find("GRANT SELECT, INSERT, UPDATE, DELETE ON \"s\".\"t\" TO \"app\";") != std::string::npos);
    CHECK(for_role("a\"; DROP").find("TO \"a\"\"; DROP\";") != std::string::npos);
    CHECK(for_role("").find("-- GRANT") != std::string::npos);
    CHECK(for_role("").find("INDEX IF NOT EXISTS \"t_sweep\" ON \"s\".\"t\"") != std::string::npos);
}

TEST_CASE("PostgreSQL's errors become ours")
{
    struct {
        std::string_view state;
        errc code;
    } const cases[] = {
        {"53100", errc::full},        {"53300", errc::unavailable}, {"53200", errc::unavailable},
        {"08006", errc::unavailable}, {"28P01", errc::unavailable}, {"57P01", errc::unavailable},
        {"57P03", errc::unavailable}, {"57014", errc::timed_out},   {"25006", errc::unavailable},
        {"40001", errc::unavailable}, {"42501", errc::unavailable}, {"42P01", errc::unavailable},
        {"54000", errc::too_large},   {"22003", errc::internal},    {"", errc::internal},
    };
    for (const auto& c : cases) {
        CAPTURE(c.state);
        const auto f = failure_of(c.state, "its words");
        CHECK(f.code == c.code);
        CHECK(f.detail.find("its words") != std::string::npos);
    }
}

TEST_CASE("what PostgreSQL's acknowledgement means depends on its standbys too")
{
    durability d{.known = true, .synchronous_commit = "on", .has_synchronous_standbys = true};
    CHECK(d.acknowledges().means.find("standbys") != std::string::npos);
    CHECK(d.acknowledges().warning.empty());
    for (const auto* setting : {"remote_write", "remote_apply"}) {
        d.synchronous_commit = setting;
        CHECK(d.acknowledges().means.find(setting) != std::string::npos);
        CHECK(d.acknowledges().warning.empty());
        CHECK(d.durable());
    }
    d.synchronous_commit = "local";
    CHECK(d.acknowledges().warning.find("fail-over") != std::string::npos);
    CHECK(d.durable());
    d.has_synchronous_standbys = false;
    CHECK(d.acknowledges().warning.empty());
    d.known = false;
    CHECK(!d.durable());
}
