// MongoDB: the suite, and what is true of MongoDB alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

namespace coatcheck::conformance {

namespace {

std::string mongodb_at(std::uint16_t port)
{
    return "mongodb://127.0.0.1:" + std::to_string(port);
}

testing::server& shared_server()
{
    static testing::server server("mongodb");
    return server;
}

} // namespace

std::string store_url()
{
    return mongodb_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "mongodb", .url = &mongodb_at, .keeps_data = true};
}

} // namespace coatcheck::conformance
