#include "tests/conformance/appengine_server.hpp"

#include "backends/appengine/memcache.hpp"
#include "backends/appengine/protobuf.hpp"

#include <doctest/doctest.h>

#include <array>

namespace coatcheck::conformance {

using namespace coatcheck::appengine;

namespace {

std::string exchange_bytes(std::uint16_t port, const std::string& bytes)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
    std::string reply;
    std::array<char, 65536> buffer;
    for (ssize_t n; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
        reply.append(buffer.data(), static_cast<std::size_t>(n));
    close(fd);
    return reply;
}

// The field of that number in `message`; an empty one if there is none.
field find(std::string_view message, unsigned number)
{
    field_reader fields(message);
    for (auto next = fields.next(); next && *next; next = fields.next())
        if ((*next)->number == number)
            return **next;
    return {};
}

} // namespace

std::string appengine_at(std::uint16_t port, const std::string& query)
{
    return "appengine://127.0.0.1:" + std::to_string(port) + "/" + query;
}

std::string appengine_key(const session_key& key)
{
    return "coatcheck:" + std::string(key.name.str());
}

std::string call_appengine(const testing::server& server, std::string_view method, std::string_view content)
{
    const std::string body = call_message(method, content, {});
    const std::string reply =
        exchange_bytes(server.port(), "POST /rpc_http HTTP/1.1\r\nConnection: close\r\n"
                                      "Content-Type: application/octet-stream\r\n"
                                      "X-Google-RPC-Service-Endpoint: app-engine-apis\r\n"
                                      "X-Google-RPC-Service-Method: /VMRemoteAPI.CallRemoteAPI\r\n"
                                      "X-Google-RPC-Service-Deadline: 5\r\nContent-Length: " +
                                          std::to_string(body.size()) + "\r\n\r\n" + body);
    REQUIRE(reply.starts_with("HTTP/1.1 200 "));
    const std::string answer = reply.substr(reply.find("\r\n\r\n") + 4);
    const auto read = read_answer(answer, effect::reads);
    REQUIRE(read.has_value());
    return std::string(*read);
}

std::optional<std::int64_t> forgotten_at(const testing::server& server, const session_key& key)
{
    message peek;
    peek.bytes(1, appengine_key(key)).varint(6, 1);
    const std::string content = call_appengine(server, "Get", peek.str());
    const auto item = find(content, 1);
    if (item.type != wire_type::group)
        return std::nullopt;
    const auto timestamps = find(item.bytes, 8);
    return static_cast<std::int64_t>(find(timestamps.bytes, 1).value);
}

} // namespace coatcheck::conformance
