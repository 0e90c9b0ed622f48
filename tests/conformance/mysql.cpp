// MySQL and MariaDB: the suite, and what is true of them alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

namespace coatcheck::conformance {

namespace {

testing::server& shared_server()
{
    static testing::server server("mysql");
    return server;
}

std::string mysql_at(std::uint16_t port)
{
    return "mysql://app:app@127.0.0.1:" + std::to_string(port) + "/sessions";
}

} // namespace

std::string store_url()
{
    return mysql_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "mysql", .url = &mysql_at, .keeps_data = true};
}

} // namespace coatcheck::conformance
