#include "backends/redis/redis_config.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace coatcheck::redis {

namespace {

constexpr std::uint16_t default_port = 6379;
constexpr std::uint16_t default_sentinel_port = 26379;
constexpr std::size_t max_socket_path = 107; // unix(7)

unsigned database_number(std::string_view text)
{
    unsigned number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || end != text.data() + text.size())
        throw std::invalid_argument("a Redis database is a number, as in redis://host:6379/0, not '" +
                                    std::string(text) + "'");
    return number;
}

void read_unix(const backend_url& url, url_parameters& parameters, config& to)
{
    if (!url.hosts.empty())
        throw std::invalid_argument("redis+unix:// names no host: it takes three slashes and a path, as in "
                                    "redis+unix:///run/redis/redis.sock");
    if (url.path.size() < 2 || url.path.size() > max_socket_path)
        throw std::invalid_argument("redis+unix:// needs the path of a socket, of at most 107 bytes");
    to.servers.push_back({.path = url.path});
    if (const auto db = parameters.take("db"))
        to.database = database_number(*db);
}

void read_hosts(const backend_url& url, std::uint16_t port, config& to)
{
    for (const auto& each : url.hosts)
        to.servers.push_back({.host = each.host, .port = each.port.value_or(port), .name = to.tls_name});
    if (to.servers.empty() || to.servers.front().host.empty())
        throw std::invalid_argument(url.scheme + ":// needs a host, as in " + url.scheme +
                                    "://localhost:" + std::to_string(port));
}

void read_server(const backend_url& url, config& to)
{
    if (url.hosts.size() > 1)
        throw std::invalid_argument(url.scheme + ":// takes one host; several are of " + url.scheme +
                                    "+cluster:// or " + url.scheme + "+sentinel://");
    read_hosts(url, default_port, to);
    if (url.path.size() > 1)
        to.database = database_number(std::string_view(url.path).substr(1));
}

void read_cluster(const backend_url& url, config& to)
{
    to.kind = set_up::cluster;
    read_hosts(url, default_port, to);
    if (url.path.size() > 1 && url.path != "/0")
        throw std::invalid_argument("a Redis Cluster has no databases but 0: " + url.scheme +
                                    "://host1,host2,host3/ names none");
}

void read_sentinel(const backend_url& url, url_parameters& parameters, config& to)
{
    to.kind = set_up::sentinel;
    read_hosts(url, default_sentinel_port, to);
    const auto path = std::string_view(url.path).substr(url.path.empty() ? 0 : 1);
    const auto slash = path.find('/');
    to.master = path.substr(0, slash);
    if (to.master.empty())
        throw std::invalid_argument(url.scheme + ":// needs the name that the Sentinels give the master, as in " +
                                    url.scheme + "://host1,host2,host3/mymaster");
    if (slash != path.npos && slash + 1 != path.size())
        to.database = database_number(path.substr(slash + 1));
    to.sentinel_login.user = parameters.take("sentinel_user").value_or("");
    to.sentinel_login.password = parameters.take("sentinel_password").value_or("");
}

void read_tls(url_parameters& parameters, config& to)
{
    tls_files files;
    files.ca = parameters.take("ca").value_or("");
    files.certificate = parameters.take("cert").value_or("");
    files.key = parameters.take("key").value_or("");
    to.tls = make_tls_client(files);
    to.tls_name = parameters.take("tls_name").value_or("");
}

void check(const credentials& login, std::string_view whose)
{
    if (!login.user.empty() && login.password.empty())
        throw std::invalid_argument("a " + std::string(whose) + " user needs a password");
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (url.scheme.starts_with("rediss"))
        read_tls(parameters, c);
    if (url.scheme == "redis+unix")
        read_unix(url, parameters, c);
    else if (url.scheme.ends_with("+cluster"))
        read_cluster(url, c);
    else if (url.scheme.ends_with("+sentinel"))
        read_sentinel(url, parameters, c);
    else
        read_server(url, c);
    c.login = {url.user, url.password};
    check(c.login, "Redis");
    check(c.sentinel_login, "Sentinel");
    if (auto prefix = parameters.take("prefix"))
        c.prefix = std::move(*prefix);
    parameters.finish();
    return c;
}

} // namespace coatcheck::redis
