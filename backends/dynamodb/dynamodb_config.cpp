#include "backends/dynamodb/dynamodb_config.hpp"

#include <algorithm>
#include <stdexcept>

namespace coatcheck::dynamodb {

namespace {

constexpr std::size_t shortest_table = 3;
constexpr std::size_t longest_table = 255;

bool consists_of(std::string_view text, std::string_view also)
{
    return std::ranges::all_of(
        text, [&](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || also.find(c) != also.npos; });
}

void read_host(const backend_url& url, config& to)
{
    const auto [host, port] = url.host();
    if (host.empty() || !consists_of(host, "-"))
        throw std::invalid_argument("dynamodb:// needs a region, as in dynamodb://eu-central-1/sessions");
    if (port)
        throw std::invalid_argument("dynamodb:// takes no port: the server is named by the region, or by the parameter "
                                    "endpoint");
    if (!url.user.empty() || !url.password.empty())
        throw std::invalid_argument("dynamodb:// takes no user: credentials come from where AWS's tools have them");
    to.region = host;
}

void read_path(const backend_url& url, config& to)
{
    constexpr std::string_view also = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.";
    to.table = url.path.empty() ? "" : url.path.substr(1);
    if (to.table.size() < shortest_table || to.table.size() > longest_table || !consists_of(to.table, also))
        throw std::invalid_argument("dynamodb:// needs a table, as in dynamodb://eu-central-1/sessions: 3 to 255 of "
                                    "a-z, A-Z, 0-9, '_', '-' and '.'");
}

} // namespace

config parse_config(const backend_url& url)
{
    config c;
    url_parameters parameters(url);
    read_host(url, c);
    read_path(url, c);
    c.where = endpoint_of("dynamodb", c.region);
    if (const auto given = parameters.take("endpoint")) {
        c.where = parse_endpoint(*given, "the parameter endpoint");
        if (c.where.target != "/")
            throw std::invalid_argument("the parameter endpoint takes no path");
        c.amazon = c.where.host.ends_with(".amazonaws.com") || c.where.host.ends_with(".amazonaws.com.cn") ||
                   c.where.host.ends_with(".api.aws");
    }
    c.ca = parameters.take("ca").value_or("");
    if (!c.ca.empty() && !c.where.tls)
        throw std::invalid_argument("the parameter ca goes with an endpoint of https");
    c.profile = parameters.take("profile").value_or("");
    const auto create = parameters.take("create").value_or("on");
    if (create != "on" && create != "off")
        throw std::invalid_argument("the parameter create is on or off");
    c.create = create == "on";
    parameters.finish();
    return c;
}

} // namespace coatcheck::dynamodb
