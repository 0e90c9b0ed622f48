#include "tests/conformance/mongodb_server.hpp"

#include "backends/mongodb/client_library.hpp"
#include "tests/support/certificates.hpp"

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace coatcheck::conformance {

namespace {

const testing::server& tls_server()
{
    static const testing::server server(
        "mongodb", {"tls=" + (certificates() / "server.pem") + "," + (certificates() / "server.key")});
    return server;
}

} // namespace

std::string mongodb_at(std::uint16_t port)
{
    return "mongodb://127.0.0.1:" + std::to_string(port);
}

testing::server& shared_server()
{
    static testing::server server("mongodb");
    return server;
}

const testing::temporary_folder& certificates()
{
    static const testing::temporary_folder folder;
    [[maybe_unused]] static const bool made = [] {
        testing::make_certificates(folder.path());
        return true;
    }();
    return folder;
}

std::string tls_url(const std::string& host, const std::string& more)
{
    return "mongodb://" + host + ":" + std::to_string(tls_server().port()) + "/?tls=true" + more;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload, precondition when)
{
    return f.wait(f.store().put(key, plain_changes(), payload, when, f.now, soon()));
}

std::string quoted(const session_key& key)
{
    return '"' + std::string(key.name.str()) + '"';
}

void check_holds(const std::string& text, const std::string& part)
{
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
}

mongodb_shell::mongodb_shell(std::uint16_t port)
{
    mongodb::use_client_library();
    client_ = mongoc_client_new(mongodb_at(port).c_str());
    if (client_ == nullptr)
        throw std::runtime_error("no client for the MongoDB server of the test");
}

mongodb_shell::~mongodb_shell()
{
    mongoc_client_destroy(client_);
}

std::string mongodb_shell::operator()(const std::string& command)
{
    bson_error_t error{};
    bson_t* const parsed = bson_new_from_json(reinterpret_cast<const std::uint8_t*>(command.data()),
                                              static_cast<ssize_t>(command.size()), &error);
    if (parsed == nullptr)
        throw std::runtime_error(command + ": " + error.message);
    bson_t reply;
    const bool ok = mongoc_client_command_simple(client_, "coatcheck", parsed, nullptr, &reply, &error);
    char* const json = bson_as_relaxed_extended_json(&reply, nullptr);
    std::string text = ok ? json : error.message;
    bson_free(json);
    bson_destroy(&reply);
    bson_destroy(parsed);
    return text;
}

} // namespace coatcheck::conformance
