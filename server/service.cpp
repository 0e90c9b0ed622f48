#include "server/service.hpp"

#include "backends/registry.hpp"
#include "server/handle_key.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/log.hpp"
#include "server/problem.hpp"
#include "server/release.hpp"

namespace coatcheck {

namespace {

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
    if (x.where.what == resource::events || (x.where.what == resource::sessions && x.in.verb != method::post))
        return true; // its handler takes it apart
    return x.where.what == resource::readyz && has_flag(x.where, "strict");
}

// What operators do with sessions that they have no id of.
awaitable<void> dispatch_to_operator(service& s, exchange& x)
{
    if (!x.grant.may(scope::admin)) {
        set_problem(x.out, errc::forbidden, "This needs a token with the scope admin.");
        co_return;
    }
    sessions* const store = permitted_store(s, x, x.where.store, scope::admin);
    if (store == nullptr)
        co_return;
    if (x.where.what == resource::end_all)
        co_return co_await end_all_sessions(s, *store, x);
    if (x.in.verb == method::del)
        co_return co_await end_handle(*store, x);
    co_return co_await describe_handle(*store, x);
}

awaitable<void> use_store(service& s, sessions& store, exchange& x)
{
    switch (x.where.what) {
    case resource::sessions:
        if (x.in.verb == method::post)
            co_return co_await create_session(s, store, x);
        if (x.in.verb == method::get)
            co_return co_await list_subject(s, store, x);
        co_return co_await end_subject(s, store, x);
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
    case resource::handle:
        co_return co_await end_device(s, store, x);
    case resource::session_touch:
        co_return co_await touch_session(s, store, x);
    case resource::session_rotate:
        co_return co_await rotate_session(s, store, x);
    case resource::session_lock:
        if (x.in.verb == method::post)
            co_return co_await lock_session(s, store, x);
        co_return co_await unlock_session(s, store, x);
    case resource::session_meta:
        co_return co_await describe_session(s, store, x);
    default:
        break;
    }
    set_problem(x.out, failure{errc::internal, "a method without a handler"});
}

awaitable<void> dispatch_to_store(service& s, exchange& x)
{
    sessions* const store = permitted_store(s, x, x.where.store, scope::app);
    if (store == nullptr)
        co_return;
    co_await use_store(s, *store, x);
    if (x.out.unreadable)
        store->count_unreadable();
}

} // namespace

service::service(config c, token_table first_tokens, runtime& threads)
    : settings(std::move(c)), handle_of(configured_handles(settings)), subject_hash_(configured_subjects(settings)),
      seals(load_sealer(settings)), counters(threads.threads(), route_names(), store_names(settings),
                                             std::string(release_version), key_names(seals.get())),
      tokens(threads.threads(), std::move(first_tokens)), guard(tokens, settings.hosts)
{
    std::size_t index = 0;
    for (const auto& [name, store] : settings.stores) {
        auto keeper = with_encryption(open_backend(store.url, threads), settings, seals, index, counters);
        stores.emplace(name, std::make_unique<sessions>(name, index++, store, std::move(keeper), counters, events));
    }
}

std::string service::subject_of(std::string_view sent) const
{
    if (settings.subject_key_file.empty() || sent.empty())
        return std::string(sent);
    return std::string(subject_hash_(sent).str());
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
        // A user ends one of his own devices; operators name no user.
        if (x.in.verb == method::del && x.in.has(single_field::session_subject))
            co_await dispatch_to_store(s, x);
        else
            co_await dispatch_to_operator(s, x);
        break;
    case resource::end_all:
        co_await dispatch_to_operator(s, x);
        break;
    case resource::events:
        co_await follow_events(s, x);
        break;
    default:
        co_await dispatch_to_store(s, x);
    }
}

} // namespace coatcheck
