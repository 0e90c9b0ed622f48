#include "backends/mysql/config.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace coatcheck::mysql {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_socket_path = 107; // unix(7)
constexpr std::size_t max_identifier = 64;   // characters, the server's
constexpr std::size_t max_pool = 64;

bool is_loopback(std::string_view host) noexcept
{
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The library reads some other characters as options of its own.
bool is_host(std::string_view host) noexcept
{
    return host.find_first_of(";=,/ ") == std::string_view::npos;
}

bool is_table_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= max_identifier && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

std::string database_name(std::string name, const std::string& example)
{
    if (name.empty() || name.size() > max_identifier || name.find('/') != std::string::npos)
        throw std::invalid_argument("a MySQL URL names a database, as in " + example);
    return name;
}

void read_unix(const backend_url& url, url_parameters& parameters, config& to)
{
    const std::string example = "mysql+unix://user:password@/run/mysqld/mysqld.sock?db=sessions";
    if (!url.hosts.empty())
        throw std::invalid_argument("mysql+unix:// names no host, but a path, as in " + example);
    if (url.path.size() < 2 || url.path.size() > max_socket_path)
        throw std::invalid_argument("mysql+unix:// needs the path of a socket, of at most 107 bytes");
    to.socket = url.path;
    to.database = database_name(parameters.take("db").value_or(""), example);
    to.loopback = true;
    to.tls = false;
}

void read_tcp(const backend_url& url, url_parameters& parameters, config& to)
{
    const std::string example = "mysql://user:password@host:3306/sessions";
    const auto [host, port] = url.host();
    if (host.empty() || !is_host(host))
        throw std::invalid_argument("mysql:// needs the name of a host or its address, as in " + example);
    to.host = host;
    to.port = port.value_or(to.port);
    to.database = database_name(url.path.empty() ? "" : url.path.substr(1), example);
    to.loopback = is_loopback(host);

    to.files.ca = parameters.take("ca").value_or("");
    to.files.certificate = parameters.take("cert").value_or("");
    to.files.key = parameters.take("key").value_or("");
    const bool names_files = !to.files.ca.empty() || !to.files.certificate.empty() || !to.files.key.empty();
    to.tls = !to.loopback || names_files;
    if (const auto tls = parameters.take("tls")) {
        if (*tls != "required" && *tls != "off")
            throw std::invalid_argument("mysql: tls is required or off, not '" + *tls + "'");
        to.tls = *tls == "required";
        if (!to.tls && names_files)
            throw std::invalid_argument("mysql: ca, cert and key are for TLS, which tls=off turns off");
    }
    if (to.tls)
        make_tls_client(to.files); // says which file cannot be used
}

std::size_t pool_size(const std::string& text)
{
    std::size_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size() || n < 1 || n > max_pool)
        throw std::invalid_argument("mysql: pool is a number of connections from 1 to 64, not '" + text + "'");
    return n;
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (url.scheme == "mysql+unix")
        read_unix(url, parameters, c);
    else
        read_tcp(url, parameters, c);
    if (url.user.empty())
        throw std::invalid_argument("a MySQL URL names a user, as in " + url.scheme + "://user:password@…");
    c.user = url.user;
    c.password = url.password;
    if (auto table = parameters.take("table")) {
        if (!is_table_name(*table))
            throw std::invalid_argument("mysql: a table's name has 1 to 64 letters, digits and '_', not '" + *table +
                                        "'");
        c.table = std::move(*table);
    }
    if (const auto pool = parameters.take("pool"))
        c.pool = pool_size(*pool);
    c.sweep_interval = parameters.take_duration("sweep").value_or(1min);
    if (c.sweep_interval < 1s)
        throw std::invalid_argument("mysql: sweep is a duration of at least 1s");
    parameters.finish();
    return c;
}

} // namespace coatcheck::mysql
