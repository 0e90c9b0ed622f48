#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"
namespace coatcheck::conformance {
namespace {
std::string postgresql_at(std::uint16_t port)
{
    return "postgresql://app:coatcheck@127.0.0.1:" + std::to_string(port) + "/postgres";
}
}
std::string store_url()
{
    static testing::server server("postgresql");
    return postgresql_at(server.port());
}
std::optional<remote_store> remote()
{
    return remote_store{.kind = "postgresql", .url = &postgresql_at, .keeps_data = true};
}
}
