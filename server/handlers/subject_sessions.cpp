#include "proto/utf8.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_meta.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/moment.hpp"
#include "server/query.hpp"

#include <charconv>

namespace coatcheck {

namespace {

constexpr std::size_t default_page = 50;
constexpr std::size_t largest_page = 100;

// The subject that the request is about, as it is kept. Or nothing, and `x.out` is the problem.
std::optional<std::string> named_subject(const service& s, exchange& x)
{
    const auto text = x.in.get(single_field::session_subject);
    if (text.empty() || text.size() > max_subject_length || valid_utf8_prefix(text) != text.size()) {
        set_problem(x.out, errc::malformed,
                    "The Session-Subject field must say whose sessions: UTF-8 of 1 to 1024 bytes.");
        return std::nullopt;
    }
    return s.subject_of(text);
}

void show_failure(exchange& x, const failure& why)
{
    if (why.code == errc::unsupported)
        set_problem(x.out, errc::unsupported,
                    "This store lists no subjects (see capabilities.subjects in GET /v1/stores): it may forget a list "
                    "and keep the sessions.");
    else if (why.code == errc::malformed)
        set_problem(x.out, errc::malformed, "cursor must be the value of next in the page before.");
    else
        set_problem(x.out, why);
}

std::optional<std::size_t> parse_page(const std::optional<std::string>& text)
{
    if (!text)
        return default_page;
    std::size_t n = 0;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), n);
    if (ec != std::errc{} || end != text->data() + text->size() || n < 1 || n > largest_page)
        return std::nullopt;
    return n;
}

void describe(msgpack_writer& w, const found_session& found)
{
    const head& h = found.stored.about;
    w.map(6);
    w.text("handle").text(found.at.name.str());
    w.text("label");
    h.label.empty() ? w.null() : w.text(h.label);
    write_time(w, "created", h.created);
    write_time(w, "last_seen", h.last_seen);
    write_time(w, "expires", h.expires);
    write_time(w, "ends", h.absolute_end);
}

} // namespace

awaitable<void> list_subject(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    std::optional<std::string> cursor;
    std::optional<std::string> limit;
    if (!parse_query(x.where.query, {{"cursor", cursor}, {"limit", limit}})) {
        set_problem(x.out, errc::malformed, "The query takes cursor= and limit=, each once.");
        co_return;
    }
    const auto most = parse_page(limit);
    if (!most) {
        set_problem(x.out, errc::malformed, "limit must be a number from 1 to 100.");
        co_return;
    }
    const auto subject = named_subject(s, x);
    if (!subject)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto page = co_await store.by_subject().list(*subject, cursor.value_or(""), *most, x.now);
    if (!page) {
        show_failure(x, page.error());
        co_return;
    }
    std::string members;
    msgpack_writer w(members);
    w.map(2).text("sessions").array(page->sessions.size());
    for (const auto& each : page->sessions)
        describe(w, each);
    w.text("next");
    page->next.empty() ? w.null() : w.text(page->next);
    show_data(x, members, *type);
}

awaitable<void> end_subject(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    std::optional<std::string> text;
    std::optional<time_point> before;
    const bool known = parse_query(x.where.query, {{"before", text}});
    if (known && text)
        before = parse_moment(*text);
    if (!known || (text && !before)) {
        set_problem(x.out, errc::malformed,
                    "The query takes before=, once: RFC 3339 such as 2026-11-23T08:00:00Z, a plus as %2B.");
        co_return;
    }
    const auto subject = named_subject(s, x);
    if (!subject)
        co_return;
    std::optional<session_key> spared;
    if (x.in.has(single_field::session_id)) {
        spared = named_session(s, x);
        if (!spared)
            co_return;
    }
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto ended = co_await store.by_subject().end_all(*subject, spared ? &*spared : nullptr, before, x.now);
    if (!ended) {
        show_failure(x, ended.error());
        co_return;
    }
    std::string members;
    msgpack_writer(members).map(1).text("ended").number(static_cast<std::int64_t>(*ended));
    show_data(x, members, *type);
}

awaitable<void> end_device(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_handle(x);
    if (!key)
        co_return;
    const auto subject = named_subject(s, x);
    if (!subject)
        co_return;
    const auto ended = co_await store.by_subject().end_one(*subject, *key, x.now);
    if (!ended)
        show_failure(x, ended.error());
    else if (!*ended)
        set_problem(x.out, errc::not_found, "This subject has no such session.");
    else
        x.out.status = 204;
}

} // namespace coatcheck
