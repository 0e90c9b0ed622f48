#include "server/service.hpp"

#include "backends/registry.hpp"
#include "server/handlers/handlers.hpp"
#include "server/log.hpp"
#include "server/problem.hpp"
#include "server/release.hpp"

#include <fstream>
#include <iterator>

namespace coatcheck {

namespace {

std::string read_key(const std::string& path)
{
    if (path.empty())
        return {};
    std::ifstream file(path, std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(file), {}};
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r'))
        key.pop_back();
    if (!file || key.size() < 16)
        throw config_error("handle_key_file: " + path + " must be readable and hold a key of at least 16 bytes");
    return key;
}

std::vector<std::string> route_names()
{
    std::vector<std::string> names;
    for (std::size_t i = 0; i < resource_count; ++i)
        names.emplace_back(name_of(static_cast<resource>(i)));
    return names;
}

std::vector<std::string> store_names(const config& c)
{
    std::vector<std::string> names;
    for (const auto& [name, store] : c.stores)
        names.push_back(name);
    return names;
}

bool is_probe(resource r) noexcept
{
    return r == resource::healthz || r == resource::readyz;
}

// Whether the request's query is one that its resource knows.
bool query_is_known(const exchange& x) noexcept
{
    if (x.where.query.empty())
        return true;
    if (x.where.what == resource::session && (x.in.verb == method::get || x.in.verb == method::head))
        return has_flag(x.where, "peek");
    return x.where.what == resource::readyz && has_flag(x.where, "strict");
}

awaitable<void> dispatch_to_store(service& s, exchange& x)
{
    const auto found = s.stores.find(x.where.store);
    if (found == s.stores.end()) {
        set_problem(x.out, errc::not_found, "There is no store of that name; GET /v1/stores lists them.");
        co_return;
    }
    sessions& store = *found->second;
    x.out.store = store.name();
    if (!x.grant.may(scope::app, store.name())) {
        set_problem(x.out, errc::forbidden, "This token does not have the scope app for that store.");
        co_return;
    }
    switch (x.where.what) {
    case resource::sessions:
        if (x.in.verb == method::post)
            co_return co_await create_session(s, store, x);
        break;
    case resource::session:
        if (x.in.verb == method::get || x.in.verb == method::head)
            co_return co_await read_session(s, store, x);
        if (x.in.verb == method::put)
            co_return co_await write_session(s, store, x);
        if (x.in.verb == method::patch)
            co_return co_await patch_session(s, store, x);
        if (x.in.verb == method::del)
            co_return co_await end_session(s, store, x);
        break;
    case resource::session_touch:
        co_return co_await touch_session(s, store, x);
    case resource::session_meta:
        co_return co_await describe_session(s, store, x);
    default:
        break;
    }
    set_problem(x.out, errc::unsupported, "This release does not have that operation yet.");
}

} // namespace

service::service(config c, token_table first_tokens, runtime& threads)
    : settings(std::move(c)), handle_of(read_key(settings.handle_key_file)), seals(load_sealer(settings)),
      counters(threads.threads(), route_names(), store_names(settings), std::string(release_version),
               key_names(seals.get())),
      tokens(threads.threads(), std::move(first_tokens)), guard(tokens, settings.hosts)
{
    std::size_t index = 0;
    for (const auto& [name, store] : settings.stores) {
        auto keeper = with_encryption(open_backend(store.url, threads), settings, seals, index, counters);
        stores.emplace(name, std::make_unique<sessions>(name, index++, store, std::move(keeper), counters));
    }
}

awaitable<void> answer(service& s, const listener_traits& where, const request& in, time_point now, response& out)
{
    exchange x{in, out, {}, {}, now};
    std::string decoded_path;
    if (auto found = find_route(in.target, decoded_path))
        x.where = *found;
    else {
        set_problem(out, errc::malformed, "The path has a malformed or a needless percent-encoding.");
        co_return;
    }
    const resource what = x.where.what;
    out.route = what;
    if (where.ops_only && !is_probe(what) && what != resource::metrics) {
        set_problem(out, errc::not_found, "This listener serves /healthz, /readyz and /metrics only.");
        co_return;
    }
    bool known = where.ops_only;
    if (!where.ops_only) {
        auto checked = s.guard.check(in, where);
        if (checked) {
            x.grant = std::move(*checked);
            known = true;
        } else if (!is_probe(what)) {
            set_problem(out, checked.error().code, checked.error().reason);
            co_return;
        }
    }
    if (what == resource::unknown) {
        set_problem(out, errc::not_found,
                    "There is nothing at this path; sessions are at /v1/sessions/{id} and /v1/session.");
        co_return;
    }
    if (!allows(what, in.verb)) {
        out.allow = allowed_methods(what);
        set_problem(out, errc::method_not_allowed,
                    "This resource does not take that method; Allow lists those it takes.");
        co_return;
    }
    if (in.verb == method::options) {
        out.status = 204;
        out.allow = allowed_methods(what);
        co_return;
    }
    if (what == resource::server) {
        set_problem(out, errc::malformed, "The target * is for OPTIONS only.");
        co_return;
    }
    if (!query_is_known(x)) {
        set_problem(out, errc::malformed,
                    "The query is not known here: GET of a session takes ?peek, /readyz takes ?strict.");
        co_return;
    }
    switch (what) {
    case resource::healthz:
        report_health(x);
        break;
    case resource::readyz:
        co_await report_readiness(s, x, known);
        break;
    case resource::metrics:
        if (where.ops_only || x.grant.may(scope::metrics))
            report_metrics(s, x);
        else
            set_problem(out, errc::forbidden, "This token does not have the scope metrics.");
        break;
    case resource::stores:
        co_await list_stores(s, x);
        break;
    case resource::handle:
    case resource::end_all:
    case resource::events:
        if (x.grant.may(scope::admin))
            set_problem(out, errc::unsupported, "This release does not have that operation yet.");
        else
            set_problem(out, errc::forbidden, "This needs a token with the scope admin.");
        break;
    default:
        co_await dispatch_to_store(s, x);
    }
}

} // namespace coatcheck
