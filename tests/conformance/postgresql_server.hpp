#pragma once
// Real PostgreSQL servers, and somebody else who talks to them.

#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;

namespace coatcheck::conformance {

// Of the role that tests/support/servers/postgresql makes.
std::string postgresql_at(std::uint16_t port);

// The server that most tests share. It keeps running.
testing::server& shared_server();

class database;

// Another client of a server, as psql is.
class shell {
public:
    explicit shell(const testing::server& at, const std::string& in = "postgres", const std::string& role = "app");
    explicit shell(const database& in);
    ~shell();
    shell(const shell&) = delete;
    shell& operator=(const shell&) = delete;

    // All values, a space between; an error as it is.
    std::string operator()(const std::string& sql);

    // Asks until the answer is `wanted`, for ten seconds at most. False if it never was.
    bool says(const std::string& sql, const std::string& wanted);

private:
    pg_conn* connection_;
};

// A database of its own on the shared server.
class database {
public:
    database();
    const std::string& name() const noexcept { return name_; }
    std::string url(const std::string& role = "app") const; // has parameters
    std::string operator()(const std::string& sql) const;

    // How many sessions of the daemon's there are in it, of which `and_that` holds.
    std::string sessions(const std::string& and_that = "true") const;

private:
    std::string name_;
};

// " WHERE handle = …"
std::string where(const session_key& key);

// A server that speaks TLS, with a certificate of a CA of its own for the name "localhost" alone. It keeps running.
struct secured_server {
    secured_server();

    testing::temporary_folder folder; // of testing::make_certificates
    std::optional<testing::server> server;

    std::string file(const std::string& name) const { return (folder.path() / name).string(); }
};
const secured_server& shared_secured_server();

} // namespace coatcheck::conformance
