#include "backends/memcached/memcached_config.hpp"

#include "backends/memcached/command.hpp"
#include "backends/transport/tls.hpp"
#include "proto/session_id.hpp"

#include <algorithm>
#include <stdexcept>

namespace coatcheck::memcached {

namespace {

constexpr std::uint16_t default_port = 11211;
constexpr std::size_t max_socket_path = 107; // unix(7)

bool is_graphic(char c) noexcept
{
    return c > ' ' && c < '\x7f';
}

bool is_control(char c) noexcept
{
    return (c >= '\0' && c < ' ') || c == '\x7f';
}

void read_unix(const backend_url& url, config& to)
{
    if (!url.hosts.empty())
        throw std::invalid_argument("memcached+unix:// names no host: it takes three slashes and a path, as in "
                                    "memcached+unix:///run/memcached/memcached.sock");
    if (url.path.size() < 2 || url.path.size() > max_socket_path)
        throw std::invalid_argument("memcached+unix:// needs the path of a socket, of at most 107 bytes");
    to.servers.emplace_back().path = url.path;
}

void read_tcp(const backend_url& url, url_parameters& parameters, config& to)
{
    if (url.path.size() > 1)
        throw std::invalid_argument(url.scheme + ":// takes hosts and no path; the beginning of the keys is ?prefix=");
    for (const auto& [host, port] : url.hosts) {
        if (host.empty())
            throw std::invalid_argument(url.scheme + ":// has a host without a name");
        const address one{host, port.value_or(default_port), {}};
        const auto same = [&](const address& a) { return a.host == one.host && a.port == one.port; };
        if (std::ranges::any_of(to.servers, same))
            throw std::invalid_argument(url.scheme + ":// names a server twice");
        to.servers.push_back(one);
    }
    if (to.servers.empty())
        throw std::invalid_argument(url.scheme + ":// needs a host, as in " + url.scheme + "://localhost:11211");
    const auto how = parameters.take("ketama");
    if (how && *how != "weighted" && *how != "plain")
        throw std::invalid_argument("ketama is weighted or plain, not '" + *how + "'");
    to.how = how == "plain" ? layout::plain : layout::weighted;
}

void read_user(const backend_url& url, url_parameters& parameters, config& to)
{
    if (url.user.empty() != url.password.empty())
        throw std::invalid_argument("a memcached user and a password go together: give both or neither");
    // The auth file's protocol puts a space between the two and a line end behind them.
    if (std::ranges::any_of(url.user, is_control) || url.user.find(' ') != std::string::npos)
        throw std::invalid_argument("a memcached user has no spaces and no control characters");
    if (std::ranges::any_of(url.password, is_control))
        throw std::invalid_argument("a memcached password has no control characters");
    if (const auto sasl = parameters.take("sasl")) {
        if (*sasl != "yes" && *sasl != "auto")
            throw std::invalid_argument("sasl is yes or auto, not '" + *sasl + "'");
        to.sasl = *sasl == "yes";
    }
    if (to.sasl && url.user.empty())
        throw std::invalid_argument("sasl=yes needs a user and a password");
    to.user = url.user;
    to.password = url.password;
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (url.scheme == "memcached+unix")
        read_unix(url, c);
    else
        read_tcp(url, parameters, c);
    if (url.scheme == "memcacheds") {
        tls_files files;
        files.ca = parameters.take("ca").value_or("");
        files.certificate = parameters.take("cert").value_or("");
        files.key = parameters.take("key").value_or("");
        c.tls = make_tls_client(files);
    }
    read_user(url, parameters, c);
    if (auto prefix = parameters.take("prefix"))
        c.prefix = std::move(*prefix);
    if (!std::ranges::all_of(c.prefix, is_graphic))
        throw std::invalid_argument("a memcached prefix has neither spaces nor characters beyond ASCII");
    if (c.prefix.size() + handle::length > max_key)
        throw std::invalid_argument("a memcached prefix has at most " + std::to_string(max_key - handle::length) +
                                    " characters: a key has at most " + std::to_string(max_key));
    parameters.finish();
    return c;
}

} // namespace coatcheck::memcached
