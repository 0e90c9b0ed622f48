#pragma once
// Real MariaDB servers, and somebody else who talks to them.

#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <mysql.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coatcheck::conformance {

// The server that most tests share. It keeps running.
testing::server& shared_mysql();

// `rest` follows the name of the database.
std::string mysql_at(std::uint16_t port, const std::string& rest = {});

// Another client of the same server, with all rights, as mariadb(1) is.
class mysql_shell {
public:
    explicit mysql_shell(std::uint16_t port);

    // The first column of the first row, or what went wrong.
    std::string operator()(const std::string& sql);

    // Does the same until the answer is `wanted`, for ten seconds at most. False if it never was.
    bool says(const std::string& sql, const std::string& wanted);

    // Ends all connections of the daemon's user.
    void kill_others();

private:
    std::unique_ptr<MYSQL, decltype(&mysql_close)> connection_;
};

// A CA of its own, with a certificate for the name "localhost" alone and one for a client.
class mysql_authority {
public:
    mysql_authority();

    std::string file(const std::string& name) const { return folder_ / name; }

    std::vector<std::string> server_options() const;

    // Of a server with these options.
    std::string url_of(const testing::server& server, const std::string& rest = {}) const;

private:
    testing::temporary_folder folder_;
};

// The row of a session.
std::string where(const session_key& key);

// A CHECK that something failed with `code`, for a reason whose detail contains `part`.
template <class T>
void check_failed(const result<T>& answer, errc code, std::string_view part = {})
{
    REQUIRE(!answer.has_value());
    INFO(answer.error().detail);
    CHECK(answer.error().code == code);
    CHECK(answer.error().detail.find(part) != std::string::npos);
    CHECK(answer.error().detail.find("secret") == std::string::npos);
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red", deadline by = soon());

} // namespace coatcheck::conformance
