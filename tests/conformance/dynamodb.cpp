// DynamoDB: the suite, on the DynamoDB that Amazon gives to developers, and what is true of it alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

namespace {

std::string url_at(std::uint16_t port)
{
    // Any credentials will do, but there have to be some.
    ::setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    return "dynamodb://eu-central-1/sessions?endpoint=http://127.0.0.1:" + std::to_string(port);
}

} // namespace

std::string store_url()
{
    static const testing::server server("dynamodb", {"-inMemory"});
    return url_at(server.port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "dynamodb", .url = &url_at, .keeps_data = true};
}

} // namespace coatcheck::conformance
