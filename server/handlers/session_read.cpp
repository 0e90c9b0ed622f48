#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/msgpack_writer.hpp"
#include "server/preconditions.hpp"

namespace coatcheck {

namespace {

std::string meta_of(const sessions& store, const handle& name, const record& stored)
{
    const head& h = stored.about;
    std::string etag;
    append_etag(h.data_version, etag);
    std::string members;
    msgpack_writer w(members);
    w.map(12);
    w.text("handle").text(name.str());
    w.text("version").text(etag);
    write_time(w, "created", h.created);
    write_time(w, "last_seen", h.last_seen);
    write_time(w, "expires", h.expires);
    write_time(w, "ends", h.absolute_end);
    w.text("idle_timeout").number(h.idle.count());
    w.text("absolute_timeout");
    if (h.absolute_end == never)
        w.null();
    else
        w.number(std::chrono::duration_cast<std::chrono::seconds>(h.absolute_end - h.created).count());
    w.text("subject");
    h.subject.empty() ? w.null() : w.text(h.subject);
    w.text("label");
    h.label.empty() ? w.null() : w.text(h.label);
    w.text("size").number(static_cast<std::int64_t>(stored.payload.size()));
    w.text("store").text(store.name());
    return members;
}

} // namespace

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
    show_data(x, meta_of(store, found->at.name, found->stored), *type);
}

} // namespace coatcheck
