#pragma once
// Real memcached servers, and somebody else who talks to them.

#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <cstdint>
#include <string>

namespace coatcheck::conformance {

std::string memcached_at(std::uint16_t port);

// Under which the daemon keeps a session, unless told otherwise.
std::string memcached_key(const session_key& key);

// It has nothing to lose, and would take a second to end of itself.
class memcached_server : public testing::server {
public:
    explicit memcached_server(std::vector<std::string> options = {}) : server("memcached", std::move(options)) {}
    ~memcached_server() { crash(); }
};

// The server that most tests share. It keeps running.
memcached_server& shared_memcached();

// Another client of the same server, which speaks text.
class memcached_shell {
public:
    explicit memcached_shell(std::uint16_t port);
    ~memcached_shell();
    memcached_shell(const memcached_shell&) = delete;
    memcached_shell& operator=(const memcached_shell&) = delete;

    // Sends a command and its line end; the reply's lines up to `last`, or up to the first one's end.
    std::string operator()(const std::string& command, const std::string& last = "\r\n");

    // A number of `stats`.
    std::uint64_t statistic(const std::string& name);

private:
    int socket_;
};

// Both threads have a connection to every server, or ten seconds are over.
void connect_both(fixture& f);

result<write> try_put(fixture& f, const session_key& key, std::string_view payload);

// What is stored, whether it is that of the fixture's reference or not.
std::string payload_of(fixture& f, const session_key& key);

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

// A CA of its own, with a certificate for the name "localhost" alone and one for a client.
class memcached_authority {
public:
    memcached_authority();

    std::string folder() const { return folder_.path().string(); }
    std::string file(const std::string& name) const { return folder_ / name; }

private:
    testing::temporary_folder folder_;
};

} // namespace coatcheck::conformance
