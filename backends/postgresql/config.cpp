#include "backends/postgresql/config.hpp"

#include "backends/postgresql/libpq.hpp"
#include "backends/transport/tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

namespace coatcheck::postgresql {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t max_connections = 64;

// An index and a constraint are named after the table, in 63 bytes.
constexpr std::size_t max_identifier = 48;

constexpr auto system_authorities = "/etc/ssl/certs/ca-certificates.crt";

// What libpq knows and a URL may not say in its query.
struct refused {
    std::string_view name, why;
};
constexpr auto refused_parameters = std::to_array<refused>({
    {"user", "is written before the host: postgresql://user:password@host/database"},
    {"password", "is written before the host: postgresql://user:password@host/database"},
    {"dbname", "is the URL's path: postgresql://host/database"},
    {"port", "is written after the host"},
    {"hostaddr", "is not needed: the host may be an address"},
    {"connect_timeout", "has no effect: requests have deadlines of their own"},
    {"client_encoding", "has no effect: everything that is not ASCII is bytes"},
    {"replication", "is not for clients that run statements"},
    {"service", "is not read: the URL says everything"},
    {"load_balance_hosts", "has no effect: hosts are tried in their order"},
});

bool libpq_knows(const std::string& name)
{
    const conninfo_ptr known(PQconndefaults());
    for (const auto* each = known.get(); each != nullptr && each->keyword != nullptr; ++each)
        if (name == each->keyword)
            return true;
    return false;
}

std::string identifier(const std::string& text, const char* parameter)
{
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    if (text.empty() || text.size() > max_identifier || (text[0] >= '0' && text[0] <= '9') ||
        !std::ranges::all_of(text, fits))
        throw std::invalid_argument(std::string("postgresql: '") + parameter +
                                    "' is a name of at most 48 of a-z, 0-9 and _, and does not begin with a digit");
    return '"' + text + '"';
}

// Why libpq refuses these parameters, whatever server they lead to; the port, which it looks at last, is no port.
std::string refusal_of(const std::map<std::string, std::string>& parameters)
{
    std::vector<const char*> names{"port", "hostaddr"};
    std::vector<const char*> values{"0", "127.0.0.1"};
    for (const auto& [name, value] : parameters) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    const connection_ptr refused(PQconnectStartParams(names.data(), values.data(), 0));
    return refused != nullptr ? one_line(PQerrorMessage(refused.get())) : "no memory";
}

bool is_loopback(const std::string& host)
{
    boost::system::error_code none;
    const auto ip = boost::asio::ip::make_address(host, none);
    return host == "localhost" || (!none && ip.is_loopback());
}

// Nobody between may listen, unless the URL says so or there is no between.
void choose_tls(const config& c, std::map<std::string, std::string>& libpq)
{
    const bool here =
        std::ranges::all_of(c.servers, [](const auto& s) { return is_socket_folder(s.host) || is_loopback(s.host); });
    const auto& mode = libpq.try_emplace("sslmode", here ? "prefer" : "verify-full").first->second;
    if (mode == "disable")
        return;
    std::string ca = libpq.contains("sslrootcert") ? libpq["sslrootcert"] : "";
    if (ca.empty() && mode == "verify-ca")
        throw std::invalid_argument("postgresql: sslmode=verify-ca needs 'ca', the file of the authorities to trust");
    if (ca.empty() && mode == "verify-full") {
        if (PQlibVersion() >= 160000)
            libpq["sslrootcert"] = ca = "system";
        else if (::access(system_authorities, R_OK) == 0)
            libpq["sslrootcert"] = ca = system_authorities;
    }
    if (libpq.contains("sslpassword"))
        return; // the key cannot be looked at without asking for it
    const auto file = [&](const char* name) { return libpq.contains(name) ? libpq[name] : ""; };
    make_tls_client({ca == "system" ? "" : ca, file("sslcert"), file("sslkey")});
}

void read_libpq(const backend_url& url, url_parameters& parameters, config& c)
{
    for (const auto& [ours, theirs] :
         {std::pair{"ca", "sslrootcert"}, std::pair{"cert", "sslcert"}, std::pair{"key", "sslkey"}}) {
        if (auto value = parameters.take(ours)) {
            if (url.query.contains(theirs))
                throw std::invalid_argument(std::string("postgresql: '") + ours + "' and '" + theirs +
                                            "' are the same: give one");
            c.libpq[theirs] = std::move(*value);
        }
    }
    for (const auto& [name, value] : url.query) {
        for (const auto& r : refused_parameters)
            if (name == r.name)
                throw std::invalid_argument("postgresql: '" + name + "' " + std::string(r.why));
        // A parameter of ours is taken already.
        if (libpq_knows(name))
            if (auto taken = parameters.take(name))
                c.libpq[name] = *std::move(taken);
    }
    // A standby that waits to be promoted is of no use; what is there already is kept.
    for (const auto& [name, value] : {std::pair{"target_session_attrs", "read-write"},
                                      {"gssencmode", "disable"},
                                      {"fallback_application_name", "coatcheck"},
                                      {"keepalives_idle", "60"},
                                      {"keepalives_interval", "10"},
                                      {"keepalives_count", "3"}})
        c.libpq.try_emplace(name, value);
    choose_tls(c, c.libpq);
    if (const auto why = refusal_of(c.libpq); why != refusal_of({}))
        throw std::invalid_argument("postgresql: " + why);
    if (!url.user.empty())
        c.libpq["user"] = url.user;
    if (!url.password.empty())
        c.libpq["password"] = url.password;
    if (url.path.size() > 1)
        c.libpq["dbname"] = url.path.substr(1);
}

void read_servers(const backend_url& url, url_parameters& parameters, config& c)
{
    c.servers = url.hosts;
    const auto folder = parameters.take("host");
    if (folder) {
        if (!url.host().host.empty() || !is_socket_folder(*folder))
            throw std::invalid_argument("postgresql: 'host' is the folder of a Unix socket, in a URL without a host: "
                                        "postgresql:///database?host=/run/postgresql");
        c.servers = {{*folder, url.host().port}};
    }
    if (c.servers.empty() || c.servers.front().host.empty())
        throw std::invalid_argument(
            "postgresql:// needs a host, as in postgresql://user:password@host/database, or the "
            "folder of a socket: postgresql:///database?host=/run/postgresql");
}

} // namespace

bool is_socket_folder(const std::string& host) noexcept
{
    return host.starts_with('/');
}

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    read_servers(url, parameters, c);
    c.table = identifier(parameters.take("table").value_or("coatcheck_sessions"), "table");
    if (const auto schema = parameters.take("schema"))
        c.table = identifier(*schema, "schema") + "." + c.table;
    if (const auto pool = parameters.take("pool")) {
        const auto count = parse_bytes(*pool);
        if (!count || *count == 0 || *count > max_connections)
            throw std::invalid_argument("postgresql: 'pool' is a number of connections from 1 to 64");
        c.connections = *count;
    }
    if (const auto prepared = parameters.take("prepared")) {
        if (*prepared != "on" && *prepared != "off")
            throw std::invalid_argument("postgresql: 'prepared' is on, off, or left out");
        c.prepare = *prepared == "on" ? preparing::always : preparing::never;
    }
    c.sweep = parameters.take_duration("sweep").value_or(c.sweep);
    read_libpq(url, parameters, c);
    parameters.finish();
    return c;
}

} // namespace coatcheck::postgresql
