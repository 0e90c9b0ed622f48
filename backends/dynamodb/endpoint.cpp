#include "backends/dynamodb/endpoint.hpp"

#include "backends/url.hpp"

#include <stdexcept>

namespace coatcheck::dynamodb {

endpoint parse_endpoint(std::string_view url, std::string_view what)
{
    const auto mark = url.find("://");
    const bool http = url.substr(0, mark) == "http" || url.substr(0, mark) == "https";
    if (mark == url.npos || !http)
        throw std::invalid_argument(std::string(what) + " is a URL such as http://127.0.0.1:8000 or https://host");
    const auto parsed = backend_url::parse(url);
    if (parsed.hosts.size() != 1 || parsed.host().host.empty() || !parsed.user.empty() || !parsed.password.empty())
        throw std::invalid_argument(std::string(what) + " names one host, and no user");
    endpoint e;
    e.tls = parsed.scheme == "https";
    e.host = parsed.host().host;
    e.port = parsed.host().port.value_or(e.tls ? 443 : 80);
    const auto path = url.find('/', mark + 3);
    if (path != url.npos)
        e.target = url.substr(path);
    return e;
}

endpoint endpoint_of(std::string_view service, std::string_view region)
{
    std::string host(service);
    host.append(".").append(region).append(region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
    return {std::move(host), 443, true, "/"};
}

http_server server_at(const endpoint& where, std::string name, const std::string& ca)
{
    http_server s{std::move(name), {where.host, where.port, {}}, nullptr};
    if (where.tls)
        s.tls = make_tls_client({.ca = ca, .certificate = {}, .key = {}});
    return s;
}

} // namespace coatcheck::dynamodb
