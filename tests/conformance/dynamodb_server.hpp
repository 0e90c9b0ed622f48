#pragma once
// Real DynamoDBs of tests, and somebody else who talks to them.

#include "backends/transport/http_client.hpp"
#include "tests/support/http_stub.hpp"
#include "tests/support/running.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace coatcheck::conformance {

// Another client of a server that takes any credentials, as the aws command is.
class dynamodb_shell {
public:
    explicit dynamodb_shell(std::uint16_t port);

    // The answer, or the error.
    boost::json::object operator()(std::string_view operation, const boost::json::object& body);

    // One attribute's value of an item; "" if there is none.
    std::string attribute(const std::string& handle, std::string_view name, std::string_view type);

    // The bytes of the reply to the bytes of a request.
    std::string forward(const std::string& request);

private:
    running run_;
    http_client http_;
};

// Between a client and a server, and does what the test says with single calls.
class meddler {
public:
    explicit meddler(std::uint16_t server);

    std::uint16_t port() const noexcept { return stub_.port(); }

    // The next `count` calls of that operation are answered so instead.
    void instead(std::string operation, int count, std::string reply);

    // The next call of that operation is done, and then answered so.
    void after(std::string operation, std::string reply);

    // The operations since the last time, in their order.
    std::vector<std::string> calls();

    static std::string error(std::string_view status, std::string_view type, std::string_view message);

private:
    std::string answer(const std::string& request);

    dynamodb_shell server_;
    std::mutex mutex_;
    std::string operation_;
    int left_ = 0;
    bool does_it_ = false;
    std::string reply_;
    std::size_t seen_ = 0;
    http_stub stub_;
};

// The URL of the table "sessions" at a port of 127.0.0.1. There are some credentials in the environment then.
std::string dynamodb_at(std::uint16_t port);

} // namespace coatcheck::conformance
