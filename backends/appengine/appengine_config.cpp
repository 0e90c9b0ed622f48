#include "backends/appengine/appengine_config.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace coatcheck::appengine {

namespace {

constexpr const char* default_host = "appengine.googleapis.internal";
constexpr std::uint16_t default_port = 10001;
constexpr std::size_t max_prefix = 200;
constexpr std::size_t max_namespace = 100;

std::string environment(const char* name)
{
    const char* const value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::uint16_t port_from_environment()
{
    const auto text = environment("API_PORT");
    if (text.empty())
        return default_port;
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (ec != std::errc() || end != text.data() + text.size() || port == 0)
        throw std::invalid_argument("API_PORT, which appengine:// takes its port from, is no port: '" + text + "'");
    return port;
}

bool is_namespace(std::string_view text)
{
    return text.size() <= max_namespace && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                      c == '_' || c == '-';
           });
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    if (!url.user.empty() || !url.password.empty())
        throw std::invalid_argument("appengine:// knows no users and no passwords");
    if (url.path.size() > 1)
        throw std::invalid_argument("appengine:// takes no path; a namespace is ?namespace=");
    const auto [host, port] = url.host();
    if (host.empty() && port)
        throw std::invalid_argument("appengine:// needs a host before the port, or neither");
    if (!host.empty()) {
        c.proxy.host = host;
        c.proxy.port = port.value_or(default_port);
    } else {
        const auto named = environment("API_HOST");
        c.proxy.host = named.empty() ? default_host : named;
        c.proxy.port = port_from_environment();
    }
    c.name_space = parameters.take("namespace").value_or("");
    if (!is_namespace(c.name_space))
        throw std::invalid_argument("a namespace of App Engine has at most 100 characters of A-Z a-z 0-9 . _ -");
    if (auto prefix = parameters.take("prefix"))
        c.prefix = std::move(*prefix);
    if (c.prefix.size() > max_prefix || c.prefix.find('\0') != std::string::npos)
        throw std::invalid_argument("a prefix of App Engine's keys has at most 200 bytes, none of them zero");
    c.ticket = parameters.take("ticket").value_or("");
    parameters.finish();
    return c;
}

} // namespace coatcheck::appengine
