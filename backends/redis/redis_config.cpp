#include "backends/redis/redis_config.hpp"

#include <charconv>
#include <stdexcept>

namespace coatcheck::redis {

namespace {

constexpr std::uint16_t default_port = 6379;
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
    to.server.path = url.path;
    if (const auto db = parameters.take("db"))
        to.database = database_number(*db);
}

void read_tcp(const backend_url& url, config& to)
{
    const auto [host, port] = url.host();
    if (host.empty())
        throw std::invalid_argument(url.scheme + ":// needs a host, as in " + url.scheme + "://localhost:6379");
    to.server.host = host;
    to.server.port = port.value_or(default_port);
    if (url.path.size() > 1)
        to.database = database_number(std::string_view(url.path).substr(1));
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (url.scheme == "redis+unix")
        read_unix(url, parameters, c);
    else
        read_tcp(url, c);
    if (url.scheme == "rediss") {
        tls_files files;
        files.ca = parameters.take("ca").value_or("");
        files.certificate = parameters.take("cert").value_or("");
        files.key = parameters.take("key").value_or("");
        c.tls = make_tls_client(files);
    }
    if (!url.user.empty() && url.password.empty())
        throw std::invalid_argument("a Redis user needs a password");
    c.user = url.user;
    c.password = url.password;
    if (auto prefix = parameters.take("prefix"))
        c.prefix = std::move(*prefix);
    parameters.finish();
    return c;
}

} // namespace coatcheck::redis
