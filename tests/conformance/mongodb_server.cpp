#include "tests/conformance/mongodb_server.hpp"

#include "backends/mongodb/client_library.hpp"

#include <stdexcept>

namespace coatcheck::conformance {

std::string mongodb_at(std::uint16_t port)
{
    return "mongodb://127.0.0.1:" + std::to_string(port);
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
