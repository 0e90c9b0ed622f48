#pragma once
// Real Redis servers, and somebody else who talks to them.

#include "tests/support/server.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;

namespace coatcheck::conformance {

// Another client of the same server, as redis-cli is.
class redis_shell {
public:
    explicit redis_shell(std::uint16_t port) : redis_shell("127.0.0.1", port) {}
    redis_shell(const std::string& host, std::uint16_t port, const std::string& password = {});
    ~redis_shell();
    redis_shell(const redis_shell&) = delete;
    redis_shell& operator=(const redis_shell&) = delete;

    bool connected() const;

    // The reply as text: "" for nil, numbers in decimal, the elements of an array one a line, an error as it is.
    std::string operator()(const std::vector<std::string>& words);

    // Does the same until the reply contains `part`, for ten seconds at most. False if it never did.
    bool says(const std::vector<std::string>& words, const std::string& part);

private:
    redisContext* context_;
};

// Holds nothing at the start, saves nothing unless told, listens on 127.0.0.1 and on a Unix socket.
class redis_server : public testing::server {
public:
    explicit redis_server(std::vector<std::string> options = {}) : server("redis", std::move(options)) {}

    std::string url(const std::string& rest = {}) const { return "redis://" + address() + rest; }
    std::string unix_url() const { return "redis+unix://" + (folder() / "redis.sock").string(); }
};

// Servers of servers/redis-cluster and redis-sentinel, each on an address of its own: 127.0.0.1, 127.0.0.2, …
class redis_group : public testing::server {
public:
    using server::server;

    static std::string host(int node) { return "127.0.0." + std::to_string(node); }

    // "127.0.0.1:6379,127.0.0.2:6379"
    std::string hosts(std::initializer_list<int> nodes) const;

    redis_shell shell(int node, const std::string& password = {}) const { return {host(node), port(), password}; }

    // SIGSTOP and so on.
    void signal_node(int node, int number) const;

    // It stays away until revive().
    void kill_node(int node) const;
    void revive_node(int node) const;
};

// A Redis Cluster of three masters by that URL; `rest` begins with '?'.
std::string cluster_url(const redis_group& nodes, const std::string& rest = {});

// Redis options: all that README.md says that the user "app" with the password "secret" needs, and the commands `more`.
std::vector<std::string> app_user(std::initializer_list<std::string> more);

// What the suite runs on (redis_stores.cpp); empty: TCP.
std::string_view over_what();

std::string redis_at(std::uint16_t port);

// The server that most tests share. It keeps running.
redis_server& shared_server();

// A CA of its own, with a certificate for the name "localhost" alone and one for a client.
class test_authority {
public:
    test_authority();

    std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

    // For servers that speak TLS only, and want client certificates.
    std::vector<std::string> server_options() const;

    // Of a server with these options, as a client that has a certificate.
    std::string url_of(const redis_server& server) const;

private:
    testing::temporary_folder folder_;
};

} // namespace coatcheck::conformance
