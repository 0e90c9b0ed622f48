#pragma once
// MongoDB servers of the tests, and somebody else who talks to them, as mongosh does.

#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <mongoc/mongoc.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace coatcheck::conformance {

std::string mongodb_at(std::uint16_t port);

// The server that most tests share. It keeps running.
testing::server& shared_server();

// Certificates of two authorities, ca.pem and other.pem; the first one's server.pem is for the name "localhost" alone.
const testing::temporary_folder& certificates();

// The URL of a server that speaks TLS alone, with server.pem; `more` follows "tls=true".
std::string tls_url(const std::string& host, const std::string& more);

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

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red",
                      precondition when = precondition::none());

// For JSON.
std::string quoted(const session_key& key);

void check_holds(const std::string& text, const std::string& part);

} // namespace coatcheck::conformance
