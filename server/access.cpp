#include "server/access.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>

namespace coatcheck {

namespace {

bool equals(std::string_view a, std::string_view b) noexcept
{
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

std::string_view without_port(std::string_view host) noexcept
{
    if (host.starts_with('['))
        return host.substr(0, host.find(']') + 1);
    return host.substr(0, host.find(':'));
}

} // namespace

access::access(live_tokens& tokens, std::vector<std::string> hosts) : tokens_(tokens), hosts_(std::move(hosts)) {}

bool access::grant::may(scope what, std::string_view store) const noexcept
{
    return who ? who->may(what, store) : what != scope::admin;
}

bool access::grant::may(scope what) const noexcept
{
    return who ? who->may(what) : what != scope::admin;
}

bool access::is_own_host(std::string_view host) const noexcept
{
    const auto name = without_port(host);
    return equals(name, "localhost") || name == "127.0.0.1" || name == "[::1]" ||
           std::ranges::any_of(hosts_, [&](const std::string& h) { return equals(name, h); });
}

boost::system::result<access::grant, refused_access> access::check(const request& r, const listener_traits& where) const
{
    if (r.has(single_field::authorization)) {
        const auto value = r.get(single_field::authorization);
        static constexpr std::string_view scheme = "Bearer ";
        if (value.size() <= scheme.size() || !equals(value.substr(0, scheme.size()), scheme))
            return refused_access{errc::unauthorized, "the Authorization field must be: Bearer TOKEN"};
        auto who = tokens_.find(value.substr(scheme.size()));
        if (!who)
            return refused_access{errc::unauthorized, "this token is not known here"};
        return grant{std::move(who)};
    }
    if (where.tokens_needed)
        return refused_access{errc::unauthorized, "this listener takes no request without a token: "
                                                  "send Authorization: Bearer TOKEN"};
    if (where.is_tcp) {
        const auto host = r.get(single_field::host);
        if (r.has(single_field::host) && !is_own_host(host))
            return refused_access{errc::misdirected, "this daemon does not answer to that Host; add the name to hosts, "
                                                     "or call it by localhost"};
        if (r.has(single_field::origin)) {
            auto origin = r.get(single_field::origin);
            const auto authority = origin.find("://");
            if (authority == origin.npos || !equals(origin.substr(authority + 3), host))
                return refused_access{errc::forbidden, "a page of another origin may not call a daemon without tokens"};
        }
    }
    return grant{};
}

} // namespace coatcheck
