#include "tests/conformance/postgresql_server.hpp"

#include "tests/support/certificates.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <stdexcept>

namespace coatcheck::conformance {

std::string postgresql_at(std::uint16_t port)
{
    return "postgresql://app:coatcheck@127.0.0.1:" + std::to_string(port) + "/postgres";
}

testing::server& shared_server()
{
    static testing::server server("postgresql");
    return server;
}

shell::shell(const testing::server& at, const std::string& in, const std::string& role) : connection_(nullptr)
{
    const auto where =
        "host=" + at.folder().string() + " port=" + std::to_string(at.port()) + " dbname=" + in + " user=" + role;
    // A server that has just been started accepts connections before it lets anybody in.
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (PQstatus(connection_ = PQconnectdb(where.c_str())) != CONNECTION_OK &&
           std::chrono::steady_clock::now() < patience) {
        PQfinish(connection_);
        std::this_thread::sleep_for(5ms);
    }
    REQUIRE(PQstatus(connection_) == CONNECTION_OK);
    PQsetNoticeReceiver(connection_, [](void*, const PGresult*) {}, nullptr);
}

shell::shell(const database& in) : shell(shared_server(), in.name()) {}

shell::~shell()
{
    PQfinish(connection_);
}

std::string shell::operator()(const std::string& sql)
{
    PGresult* const result = PQexec(connection_, sql.c_str());
    std::string text = PQresultErrorMessage(result);
    for (int row = 0; row < PQntuples(result); ++row)
        for (int column = 0; column < PQnfields(result); ++column)
            text.append(text.empty() ? "" : " ").append(PQgetvalue(result, row, column));
    PQclear(result);
    return text;
}

bool shell::says(const std::string& sql, const std::string& wanted)
{
    const auto patience = std::chrono::steady_clock::now() + 10s;
    for (;;) {
        const auto answer = (*this)(sql);
        if (answer == wanted)
            return true;
        if (std::chrono::steady_clock::now() >= patience) {
            MESSAGE(sql, " says ", answer, " rather than ", wanted);
            return false;
        }
        std::this_thread::sleep_for(5ms);
    }
}

std::string where(const session_key& key)
{
    return " WHERE handle = '" + std::string(key.name.str()) + "'";
}

database::database()
{
    static int count = 0;
    name_ = "own" + std::to_string(++count);
    REQUIRE(shell{shared_server()}("CREATE DATABASE " + name_).empty());
}

std::string database::url(const std::string& role) const
{
    return "postgresql://" + role + "@:" + std::to_string(shared_server().port()) + "/" + name_ +
           "?host=" + shared_server().folder().string();
}

std::string database::operator()(const std::string& sql) const
{
    return shell{*this}(sql);
}

std::string database::sessions(const std::string& and_that) const
{
    return "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coatcheck' AND datname = '" + name_ +
           "' AND " + and_that;
}

secured_server::secured_server()
{
    testing::make_certificates(folder.path());
    server.emplace("postgresql", std::vector<std::string>{"--tls", file("server.pem"), file("server.key")});
}

const secured_server& shared_secured_server()
{
    static const secured_server one;
    return one;
}

} // namespace coatcheck::conformance
