#include "server/handlers/handlers.hpp"
#include "server/handlers/session_meta.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/preconditions.hpp"

namespace coatcheck {

awaitable<void> read_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    std::optional<tag_list> known;
    if (x.in.has(list_field::if_none_match)) {
        known = parse_tags(x.in.get(list_field::if_none_match), comparison::weak);
        if (!known) {
            set_problem(x.out, errc::malformed, "If-None-Match must be * or a list of entity tags in quotes.");
            co_return;
        }
    }
    const bool peek = has_flag(x.where, "peek") || x.in.verb == method::head;
    auto found = co_await store.load(*key, peek ? reading::peek : reading::use, x.now);
    if (!found) {
        set_problem(x.out, found.error());
        co_return;
    }
    show_head(x.out, found->stored.about, x.now);
    // Who comes with an old id learns the new one, so that it is not lost with the grace.
    if (found->at.name != key->name)
        x.out.session_id = (co_await store.current_id(*key, named_id(x), x.now)).value_or("");
    if (known && known->contains(found->stored.about.data_version)) {
        x.out.status = 304;
        co_return;
    }
    show_data(x, found->stored.payload, *type);
}

awaitable<void> describe_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    auto found = co_await store.load(*key, reading::peek, x.now);
    if (!found) {
        set_problem(x.out, found.error());
        co_return;
    }
    show_head(x.out, found->stored.about, x.now);
    std::string members;
    msgpack_writer w(members);
    w.map(meta_members);
    write_meta(w, store, found->at.name, found->stored.about, found->stored.payload.size());
    show_data(x, members, *type);
}

} // namespace coatcheck
