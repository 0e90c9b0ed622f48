#pragma once
// Somebody else who talks to a MongoDB server, as mongosh does.

#include <mongoc/mongoc.h>

#include <cstdint>
#include <string>

namespace coatcheck::conformance {

std::string mongodb_at(std::uint16_t port);

class mongodb_shell {
public:
    explicit mongodb_shell(std::uint16_t port);
    ~mongodb_shell();
    mongodb_shell(const mongodb_shell&) = delete;
    mongodb_shell& operator=(const mongodb_shell&) = delete;

    // The reply of a command of the database `coatcheck`; both as MongoDB Extended JSON, relaxed. An error is its text.
    std::string operator()(const std::string& command);

private:
    mongoc_client_t* client_;
};

} // namespace coatcheck::conformance
