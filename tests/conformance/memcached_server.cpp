#include "tests/conformance/memcached_server.hpp"

#include "tests/support/certificates.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace coatcheck::conformance {

std::string memcached_at(std::uint16_t port)
{
    return "memcached://127.0.0.1:" + std::to_string(port);
}

std::string memcached_key(const session_key& key)
{
    return "coatcheck:" + std::string(key.name.str());
}

memcached_server& shared_memcached()
{
    static memcached_server server({"-m", "256"});
    return server;
}

memcached_shell::memcached_shell(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect to the memcached of the test");
}

memcached_shell::~memcached_shell()
{
    close(socket_);
}

std::string memcached_shell::operator()(const std::string& command, const std::string& last)
{
    const std::string line = command + "\r\n";
    for (std::size_t sent = 0; sent < line.size();) {
        const auto n = send(socket_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return "no connection";
        sent += static_cast<std::size_t>(n);
    }
    std::string reply;
    while (!reply.ends_with(last)) {
        std::array<char, 65536> bytes;
        const auto n = recv(socket_, bytes.data(), bytes.size(), 0);
        if (n <= 0)
            return reply + "no more";
        reply.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return reply.substr(0, reply.size() - 2);
}

std::uint64_t memcached_shell::statistic(const std::string& name)
{
    const auto all = (*this)("stats", "END\r\n");
    const auto at = all.find("STAT " + name + " ");
    if (at == std::string::npos)
        throw std::runtime_error("memcached has no statistic " + name);
    return std::stoull(all.substr(at + name.size() + 6));
}

void connect_both(fixture& f)
{
    const auto patience = std::chrono::steady_clock::now() + 10s;
    for (int answered = 0; answered < 2 && std::chrono::steady_clock::now() < patience;)
        answered = f.wait(f.store().probe(soon())) ? answered + 1 : 0;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload)
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, soon()));
}

std::string payload_of(fixture& f, const session_key& key)
{
    const auto held = f.wait(f.store().load(key, soon()));
    REQUIRE_MESSAGE(held.has_value(), held.error().detail);
    return *held ? (*held)->payload : "nothing";
}

memcached_authority::memcached_authority()
{
    testing::make_certificates(folder_.path());
}

} // namespace coatcheck::conformance
