#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/msgpack_writer.hpp"
#include "server/preconditions.hpp"

namespace coatcheck {

namespace {

// The precondition that the request asks for. Or nothing, and `x.out` is the problem. A list of several versions is
// looked up first, since a backend compares with one.
awaitable<std::optional<precondition>> asked_precondition(sessions& store, const session_key& key, exchange& x)
{
    const bool match = x.in.has(list_field::if_match);
    const bool none_match = x.in.has(list_field::if_none_match);
    if (none_match) {
        if (match || x.in.get(list_field::if_none_match) != "*") {
            set_problem(x.out, errc::malformed,
                        "A PUT takes If-None-Match: * to create, or If-Match to replace, and not both.");
            co_return std::nullopt;
        }
        co_return precondition::absent();
    }
    if (!match)
        co_return precondition::none();
    const auto asked = parse_tags(x.in.get(list_field::if_match), comparison::strong);
    if (!asked) {
        set_problem(x.out, errc::malformed, if_match_hint);
        co_return std::nullopt;
    }
    if (asked->any)
        co_return precondition::exists();
    if (asked->tags.size() == 1)
        co_return precondition::matches(asked->tags.front());

    const auto found = co_await store.load(key, reading::peek, x.now);
    if (found && asked->contains(found->stored.about.data_version))
        co_return precondition::matches(found->stored.about.data_version);
    if (found) {
        show_conflict(x, found->stored.about);
    } else if (found.error().code == errc::not_found) {
        set_problem(x.out, errc::precondition_failed, "There is no session under this id.");
    } else {
        set_problem(x.out, found.error());
    }
    co_return std::nullopt;
}

} // namespace

awaitable<void> create_session(service& s, sessions& store, exchange& x)
{
    if (x.in.has(single_field::session_id)) {
        set_problem(
            x.out, errc::malformed,
            "POST makes the id itself; to create a session under an id of yours, PUT it with If-None-Match: *.");
        co_return;
    }
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    auto settings = sent_settings(s, x);
    if (!settings)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    std::string payload;
    if (x.in.body.empty())
        msgpack_writer(payload).map(0);
    else if (!read_body(s, x, payload))
        co_return;

    const std::string id = make_session_id();
    const session_key key{s.handle_of(id), std::nullopt};
    x.out.session = key.name;
    auto written = co_await store.create(key, payload, std::move(*settings), x.now);
    if (!written) {
        written.error().code == errc::too_large ? show_too_large(s, x, store) : set_problem(x.out, written.error());
        co_return;
    }
    if (written->what == write::outcome::refused) {
        show_refusal(x, *written);
        co_return;
    }
    x.out.status = 201;
    x.out.session_id = id;
    if (s.settings.ids_in_path)
        x.out.location =
            x.where.store == "default" ? "/v1/sessions/" + id : "/v1/stores/" + store.name() + "/sessions/" + id;
    show_head(x.out, written->about, x.now);
    std::string members;
    msgpack_writer(members).map(1).text("id").text(id);
    show_data(x, members, *type);
}

awaitable<void> write_session(service& s, sessions& store, exchange& x)
{
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    auto settings = sent_settings(s, x);
    if (!settings)
        co_return;
    if (x.in.body.empty()) {
        set_problem(x.out, errc::malformed, "A PUT needs a body: the session's data, {} for an empty session.");
        co_return;
    }
    std::string payload;
    if (!read_body(s, x, payload))
        co_return;
    const auto when = co_await asked_precondition(store, *key, x);
    if (!when)
        co_return;
    auto written = co_await store.put(*key, payload, std::move(*settings), *when, x.now);
    if (!written) {
        written.error().code == errc::too_large ? show_too_large(s, x, store) : set_problem(x.out, written.error());
        co_return;
    }
    if (written->what == write::outcome::refused) {
        show_refusal(x, *written);
        co_return;
    }
    const bool created = written->what == write::outcome::created;
    x.out.status = created ? 201 : 204;
    show_head(x.out, written->about, x.now);
}

awaitable<void> end_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    const auto ended = co_await store.end(*key, x.now);
    if (!ended) {
        set_problem(x.out, ended.error());
        co_return;
    }
    x.out.status = 204;
}

awaitable<void> touch_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    const auto touched = co_await store.touch(*key, x.now);
    if (!touched) {
        set_problem(x.out, touched.error());
        co_return;
    }
    x.out.status = 204;
    show_head(x.out, *touched, x.now);
}

} // namespace coatcheck
