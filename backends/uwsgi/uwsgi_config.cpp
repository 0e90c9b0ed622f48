#include "backends/uwsgi/uwsgi_config.hpp"

#include "backends/uwsgi/packet.hpp"

#include <stdexcept>

namespace coatcheck::uwsgi {

namespace {

constexpr std::size_t max_socket_path = 107; // unix(7)
constexpr std::size_t max_name = 255;
constexpr std::size_t max_prefix = 200;
constexpr std::size_t smallest_max = 4096; // a head with the longest subject and label, and something of a payload

void read_unix(const backend_url& url, url_parameters& parameters, config& to)
{
    if (!url.hosts.empty())
        throw std::invalid_argument("uwsgi+unix:// names no host: it takes three slashes and a path, as in "
                                    "uwsgi+unix:///run/uwsgi/cache.sock?cache=sessions");
    if (url.path.size() < 2 || url.path.size() > max_socket_path)
        throw std::invalid_argument("uwsgi+unix:// needs the path of a socket, of at most 107 bytes");
    to.server.path = url.path;
    to.cache = parameters.take("cache").value_or("");
    if (to.cache.empty())
        throw std::invalid_argument("uwsgi+unix:// needs the name of the cache, as in "
                                    "uwsgi+unix:///run/uwsgi/cache.sock?cache=sessions");
}

void read_tcp(const backend_url& url, config& to)
{
    const auto [host, port] = url.host();
    if (host.empty() || !port)
        throw std::invalid_argument("uwsgi:// needs a host and a port, as in uwsgi://127.0.0.1:3031/sessions");
    to.server.host = host;
    to.server.port = *port;
    if (url.path.size() < 2)
        throw std::invalid_argument("uwsgi:// needs the name of the cache, as in uwsgi://127.0.0.1:3031/sessions");
    to.cache = url.path.substr(1);
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (!url.user.empty() || !url.password.empty())
        throw std::invalid_argument("a uWSGI cache knows no users and no passwords");
    if (url.scheme == "uwsgi+unix")
        read_unix(url, parameters, c);
    else
        read_tcp(url, c);
    if (c.cache.size() > max_name)
        throw std::invalid_argument("the name of a uWSGI cache has at most 255 bytes");
    if (auto prefix = parameters.take("prefix"))
        c.prefix = std::move(*prefix);
    if (c.prefix.size() > max_prefix)
        throw std::invalid_argument("a prefix of uWSGI keys has at most 200 bytes");
    c.max_value = parameters.take_bytes("max").value_or(c.max_value);
    if (c.max_value < smallest_max || c.max_value > max_reply)
        throw std::invalid_argument("max is what the cache's values may have, its blocksize: 4KiB to 64MiB");
    parameters.finish();
    return c;
}

} // namespace coatcheck::uwsgi
