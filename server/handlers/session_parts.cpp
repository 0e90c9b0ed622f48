#include "server/handlers/session_parts.hpp"

#include "proto/utf8.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <charconv>

namespace coatcheck {

namespace {

constexpr std::int64_t longest_timeout_s = 400LL * 86'400;

bool parse_seconds(exchange& x, single_field field, std::string_view name, std::optional<std::chrono::seconds>& out)
{
    if (!x.in.has(field))
        return true;
    const auto text = x.in.get(field);
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value < 1 || value > longest_timeout_s) {
        set_problem(x.out, errc::malformed,
                    std::string(name).append(" must be whole seconds from 1 to 34560000 (400 days)."));
        return false;
    }
    out = std::chrono::seconds{value};
    return true;
}

bool parse_text(exchange& x, single_field field, std::string_view name, std::size_t longest,
                std::optional<std::string>& out)
{
    if (!x.in.has(field))
        return true;
    const auto text = x.in.get(field);
    if (text.size() > longest || valid_utf8_prefix(text) != text.size()) {
        set_problem(
            x.out, errc::malformed,
            std::string(name).append(" must be UTF-8 of at most ").append(std::to_string(longest)).append(" bytes."));
        return false;
    }
    out = std::string(text);
    return true;
}

bool read_as(const service& s, exchange& x, std::optional<media_type> type, std::string_view wanted,
             std::string& msgpack)
{
    const auto coding = x.in.get(single_field::content_encoding);
    if (x.in.has(single_field::content_encoding) &&
        !boost::beast::iequals({coding.data(), coding.size()}, "identity")) {
        set_problem(x.out, errc::unsupported_media, "Send the body without a Content-Encoding.");
        return false;
    }
    if (!type) {
        set_problem(x.out, errc::unsupported_media, wanted);
        return false;
    }
    const auto read = read_data(x.in.body, *type, s.limits(), msgpack);
    if (read)
        return true;
    const data_error& e = read.error();
    if (e.code == errc::too_large)
        set_problem(x.out, e.code, e.reason, {{"limit", static_cast<std::int64_t>(s.settings.limits.body)}});
    else
        set_problem(x.out, e.code,
                    std::string(e.reason).append(" (at byte ").append(std::to_string(e.offset)).append(")"),
                    {{"offset", static_cast<std::int64_t>(e.offset)}});
    return false;
}

} // namespace

sessions* permitted_store(service& s, exchange& x, std::string_view name, scope needed)
{
    const auto found = s.stores.find(name);
    if (found == s.stores.end()) {
        set_problem(x.out, errc::not_found, "There is no store of that name; GET /v1/stores lists them.");
        return nullptr;
    }
    sessions& store = *found->second;
    x.out.store = store.name();
    if (x.grant.may(needed, store.name()))
        return &store;
    set_problem(x.out, errc::forbidden,
                "This token does not have the scope " + scope_set{needed}.str() + " for that store.");
    return nullptr;
}

std::optional<session_key> named_session(const service& s, exchange& x)
{
    std::string_view id;
    if (x.where.id_in_path) {
        if (!s.settings.ids_in_path) {
            set_problem(x.out, errc::malformed,
                        "This daemon takes no id in a path: send it in the Session-Id field to /v1/session.");
            return std::nullopt;
        }
        if (x.in.has(single_field::session_id)) {
            set_problem(x.out, errc::malformed, "The id stands in the path and in the Session-Id field; send it once.");
            return std::nullopt;
        }
        id = x.where.id;
    } else {
        if (!x.in.has(single_field::session_id)) {
            set_problem(x.out, errc::malformed, "The Session-Id field is missing.");
            return std::nullopt;
        }
        id = x.in.get(single_field::session_id);
    }
    if (!is_session_id(id)) {
        set_problem(x.out, errc::malformed, "A session id has 16 to 256 characters of A-Z a-z 0-9 . _ ~ , : -");
        return std::nullopt;
    }
    session_key key{s.handle_of(id), std::nullopt};
    x.out.session = key.name;
    return key;
}

std::optional<session_key> named_handle(exchange& x)
{
    if (!is_handle(x.where.id)) {
        set_problem(x.out, errc::malformed, "A handle has 43 characters of A-Z a-z 0-9 - _");
        return std::nullopt;
    }
    const session_key key{handle(x.where.id), std::nullopt};
    x.out.session = key.name;
    return key;
}

std::string_view named_id(const exchange& x)
{
    return x.where.id_in_path ? x.where.id : x.in.get(single_field::session_id);
}

std::optional<std::uint64_t> parse_lock_token(exchange& x)
{
    const auto text = x.in.get(single_field::session_lock);
    std::uint64_t token = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (text.empty() || ec != std::errc{} || end != text.data() + text.size()) {
        set_problem(x.out, errc::malformed, "Session-Lock must be the token that POST …/lock answered.");
        return std::nullopt;
    }
    return token;
}

std::optional<session_settings> sent_settings(const service& s, exchange& x)
{
    session_settings sent;
    if (!parse_seconds(x, single_field::session_idle_timeout, "Session-Idle-Timeout", sent.idle) ||
        !parse_seconds(x, single_field::session_absolute_timeout, "Session-Absolute-Timeout", sent.absolute) ||
        !parse_text(x, single_field::session_subject, "Session-Subject", max_subject_length, sent.subject) ||
        !parse_text(x, single_field::session_label, "Session-Label", max_label_length, sent.label))
        return std::nullopt;
    if (sent.subject)
        sent.subject = s.subject_of(*sent.subject);
    if (x.in.has(single_field::session_lock)) {
        sent.lock_token = parse_lock_token(x);
        if (!sent.lock_token)
            return std::nullopt;
    }
    return sent;
}

bool read_body(const service& s, exchange& x, std::string& msgpack)
{
    return read_as(s, x, body_type(x.in),
                   "The Content-Type must be application/json, application/msgpack or application/vnd.msgpack.",
                   msgpack);
}

bool read_patch(const service& s, exchange& x, std::string& msgpack)
{
    const auto type = patch_type(x.in);
    x.out.accept_patch = !type;
    return read_as(s, x, type,
                   "The Content-Type of a PATCH must be application/merge-patch+json, application/msgpack or "
                   "application/vnd.msgpack.",
                   msgpack);
}

void show_conflict(exchange& x, const head& there)
{
    std::string etag;
    append_etag(there.data_version, etag);
    x.out.etag = there.data_version;
    set_problem(x.out, errc::precondition_failed,
                x.in.has(list_field::if_none_match) ? "There is a session under this id already."
                                                    : "The session has another version than If-Match.",
                {{"etag", etag}});
}

void show_refusal(exchange& x, const write& refused)
{
    if (refused.why == errc::locked && refused.about.lock_token == 0) {
        set_problem(x.out, errc::locked, "Nobody was ever granted a lock of this session; take one.");
        return;
    }
    if (refused.why == errc::locked) {
        // A token is the moment of its grant.
        const auto age = x.now.time_since_epoch().count() - static_cast<std::int64_t>(refused.about.lock_token);
        set_problem(x.out, errc::locked,
                    x.in.has(single_field::session_lock)
                        ? "The lock was granted to somebody else since; take it again."
                        : "Somebody holds the session's lock; take it, or try again when its lease is over.",
                    {{"lock_age_ms", std::max<std::int64_t>(age, 0)}});
        return;
    }
    if (refused.why != errc::precondition_failed) {
        set_problem(x.out, failure{refused.why, {}});
        return;
    }
    if (!is_live(refused.about, x.now)) {
        set_problem(x.out, errc::precondition_failed, "There is no session under this id.");
        return;
    }
    show_conflict(x, refused.about);
}

void show_too_large(const service& s, exchange& x, const sessions& store)
{
    const std::size_t limit =
        std::min(s.settings.limits.body, store.caps().max_payload.value_or(s.settings.limits.body));
    set_problem(x.out, errc::too_large, "The session is larger than this store takes.",
                {{"limit", static_cast<std::int64_t>(limit)}});
}

std::optional<media_type> accepted_type(exchange& x)
{
    const auto type = negotiate(x.in.get(list_field::accept), x.in.has(list_field::accept));
    if (!type)
        set_problem(x.out, errc::not_acceptable,
                    "This is to be had as application/json, application/msgpack and application/vnd.msgpack.");
    return type;
}

bool refuse_preconditions(exchange& x, std::initializer_list<list_field> fields)
{
    for (const auto f : fields) {
        if (!x.in.has(f))
            continue;
        set_problem(x.out, errc::malformed,
                    f == list_field::if_match ? "If-Match is for PUT and PATCH; it is not taken here."
                                              : "If-None-Match is for GET, HEAD and PUT; it is not taken here.");
        return true;
    }
    return false;
}

void show_head(response& r, const head& h, time_point now)
{
    r.etag = h.data_version;
    r.expires_in = std::max(std::chrono::floor<std::chrono::seconds>(h.expires - now), std::chrono::seconds(0));
}

void show_data(exchange& x, std::string_view msgpack, media_type type)
{
    // What is stored was within the limits of its time, which may have been larger ones.
    const auto written = write_data(msgpack, type, data_limits{.bytes = msgpack.size()}, x.out.body);
    if (written) {
        x.out.type = type;
        return;
    }
    x.out.etag.reset();
    x.out.expires_in.reset();
    set_problem(x.out, failure{errc::corrupt, std::string(written.error().reason)});
}

} // namespace coatcheck
