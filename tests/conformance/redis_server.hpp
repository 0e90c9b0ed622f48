#pragma once
// Real Redis servers, and somebody else who talks to them.

#include "tests/support/server_process.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct redisContext;

namespace coatcheck::conformance {

// Another client of the same server, as redis-cli is.
class redis_shell {
public:
    explicit redis_shell(std::uint16_t port, const std::string& password = {});
    ~redis_shell();
    redis_shell(const redis_shell&) = delete;
    redis_shell& operator=(const redis_shell&) = delete;

    // The reply as text: "" for nil, numbers in decimal, the elements of an array one a line, an error as it is.
    std::string operator()(const std::vector<std::string>& words);

    // Does the same until the reply contains `part`, for ten seconds at most. False if it never did.
    bool says(const std::vector<std::string>& words, const std::string& part);

private:
    redisContext* context_;
};

// Holds nothing at the start, saves nothing unless told, listens on 127.0.0.1 and on a Unix socket.
class redis_server {
public:
    explicit redis_server(std::vector<std::string> options = {});

    std::uint16_t port() const noexcept { return port_; }
    std::string url(const std::string& rest = {}) const { return "redis://127.0.0.1:" + std::to_string(port_) + rest; }
    std::filesystem::path folder() const { return folder_.path(); }
    std::string unix_url() const { return "redis+unix://" + (folder_.path() / "redis.sock").string(); }

    void signal(int number) const { process_->signal(number); }
    void crash();
    void start(const std::vector<std::string>& more = {});

private:
    testing::temporary_folder folder_;
    std::uint16_t port_;
    std::vector<std::string> options_;
    std::optional<testing::server_process> process_;
};

std::string redis_at(std::uint16_t port);

// The server that most tests share. It keeps running.
redis_server& shared_server();

// A CA of its own, with a certificate for the name "localhost" alone and one for a client.
class test_authority {
public:
    test_authority();

    std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

    // For a redis_server that speaks TLS only, and wants client certificates.
    std::vector<std::string> server_options() const;

    // Of a server with these options, as a client that has a certificate.
    std::string url_of(const redis_server& server) const;

private:
    testing::temporary_folder folder_;
};

} // namespace coatcheck::conformance
