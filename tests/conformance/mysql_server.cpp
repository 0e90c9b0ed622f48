#include "tests/conformance/mysql_server.hpp"

#include "tests/support/certificates.hpp"

#include <sys/stat.h>

#include <stdexcept>
#include <thread>

namespace coatcheck::conformance {

testing::server& shared_mysql()
{
    static testing::server server("mysql");
    return server;
}

std::string mysql_at(std::uint16_t port, const std::string& rest)
{
    return "mysql://app:app@127.0.0.1:" + std::to_string(port) + "/sessions" + rest;
}

mysql_shell::mysql_shell(std::uint16_t port) : connection_(mysql_init(nullptr), &mysql_close)
{
    const my_bool no = 0;
    mysql_options(connection_.get(), MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &no);
    if (mysql_real_connect(connection_.get(), "127.0.0.1", "root", "", "sessions", port, nullptr, 0) == nullptr)
        throw std::runtime_error(std::string("the test's own connection: ") + mysql_error(connection_.get()));
}

std::string mysql_shell::operator()(const std::string& sql)
{
    if (mysql_real_query(connection_.get(), sql.data(), sql.size()) != 0)
        return mysql_error(connection_.get());
    const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> rows(mysql_store_result(connection_.get()),
                                                                        &mysql_free_result);
    if (!rows)
        return "";
    const auto first = mysql_fetch_row(rows.get());
    if (first == nullptr || first[0] == nullptr)
        return "";
    return {first[0], mysql_fetch_lengths(rows.get())[0]};
}

bool mysql_shell::says(const std::string& sql, const std::string& wanted)
{
    const auto patience = std::chrono::steady_clock::now() + 10s;
    do {
        if ((*this)(sql) == wanted)
            return true;
        std::this_thread::sleep_for(10ms);
    } while (std::chrono::steady_clock::now() < patience);
    return false;
}

void mysql_shell::kill_others()
{
    (*this)("KILL USER app");
    says("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'", "0");
}

mysql_authority::mysql_authority()
{
    testing::make_certificates(folder_.path());
}

std::vector<std::string> mysql_authority::server_options() const
{
    return {"--ssl-cert=" + file("server.pem"), "--ssl-key=" + file("server.key"), "--ssl-ca=" + file("ca.pem")};
}

std::string mysql_authority::url_of(const testing::server& server, const std::string& rest) const
{
    return "mysql://app:app@localhost:" + std::to_string(server.port()) + "/sessions?ca=" + file("ca.pem") +
           "&cert=" + file("client.pem") + "&key=" + file("client.key") + rest;
}

std::string where(const session_key& key)
{
    return " FROM coatcheck_sessions WHERE handle = '" + std::string(key.name.str()) + "'";
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload, deadline by)
{
    return f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, by));
}

} // namespace coatcheck::conformance
