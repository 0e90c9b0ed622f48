#include "tests/conformance/uwsgi_server.hpp"

#include <doctest/doctest.h>

#include <array>

namespace coatcheck::conformance {

std::string uwsgi_at(std::uint16_t port)
{
    return "uwsgi://127.0.0.1:" + std::to_string(port) + "/sessions?max=8MiB";
}

std::string uwsgi_key(const session_key& key)
{
    return "coatcheck:" + std::string(key.name.str());
}

std::string ask_uwsgi(const uwsgi_server& server, uwsgi::request what)
{
    what.cache = "sessions";
    std::string packet;
    append(what, packet);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(packet.size()));
    std::string reply;
    std::array<char, 65536> buffer;
    for (ssize_t n; (n = recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
        reply.append(buffer.data(), static_cast<std::size_t>(n));
    close(fd);
    return reply;
}

std::optional<std::string> value_in_uwsgi(const uwsgi_server& server, const std::string& key)
{
    const std::string reply = ask_uwsgi(server, {.what = uwsgi::command::get, .key = key});
    uwsgi::reply_parser parser;
    if (reply.empty())
        return std::nullopt;
    REQUIRE(parser.feed(reply).has_value());
    return parser.value();
}

} // namespace coatcheck::conformance
