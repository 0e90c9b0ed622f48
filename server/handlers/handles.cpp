#include "server/audit.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_meta.hpp"
#include "server/handlers/session_parts.hpp"

namespace coatcheck {

namespace {

std::string_view reason_of(errc why) noexcept
{
    switch (why) {
    case errc::newer_format:
        return "newer_format";
    case errc::unknown_key:
        return "unknown_key";
    default:
        return "corrupt";
    }
}

std::string describe(const sessions& store, const handle& name, const inspection& seen)
{
    std::string members;
    msgpack_writer w(members);
    w.map((seen.stored ? meta_members + 3 : 2) + 1 + (seen.other ? 1 : 0) + (seen.why ? 2 : 0));
    if (seen.stored) {
        const head& about = seen.stored->about;
        write_meta(w, store, name, about, seen.data_size);
        w.text("revision").number(static_cast<std::int64_t>(about.revision));
        write_time(w, "keep_until", about.keep_until);
        write_time(w, "locked_until", about.locked_until);
    } else {
        w.text("handle").text(name.str());
        w.text("store").text(store.name());
    }
    w.text("state").text(name_of(seen.state));
    if (seen.other)
        w.text(seen.state == session_state::alias ? "leads_to" : "comes_from").text(seen.other->str());
    if (seen.why)
        w.text("reason").text(reason_of(seen.why->code)).text("found").text(seen.why->detail);
    return members;
}

} // namespace

awaitable<void> describe_handle(sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_handle(x);
    if (!key)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto seen = co_await store.look_at(*key, x.now);
    if (!seen)
        set_problem(x.out, seen.error());
    else if (!*seen)
        set_problem(x.out, errc::not_found, "There is no session under this handle.");
    else
        show_data(x, describe(store, key->name, **seen), *type);
}

awaitable<void> end_handle(sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_handle(x);
    if (!key)
        co_return;
    const auto ended = co_await store.end_at(*key, x.now);
    if (ended)
        x.out.status = 204;
    else if (ended.error().code == errc::not_found)
        set_problem(x.out, errc::not_found, "What the store keeps under this handle is its own, and no session.");
    else
        set_problem(x.out, ended.error());
    log_audit(x, "end", {"handle", key->name.str()});
}

} // namespace coatcheck
