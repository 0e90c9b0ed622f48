#include "proto/msgpack_reader.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/msgpack_writer.hpp"

namespace coatcheck {

namespace {

constexpr std::uint64_t longest_grace_s = 60;

struct asked_rotation {
    std::optional<std::string> id;
    std::chrono::seconds grace{0};
};

// {"id": …, "grace_s": …}, both optional. Or nothing, and `x.out` is the problem.
std::optional<asked_rotation> parse_rotation(exchange& x, std::string_view msgpack)
{
    asked_rotation asked;
    const auto refuse = [&](std::string_view why) {
        set_problem(x.out, errc::malformed, why);
        return std::nullopt;
    };
    msgpack_reader in(msgpack);
    msgpack_token t;
    in.next(t); // a map, as every body
    for (auto left = t.count; left > 0; --left) {
        in.next(t);
        const auto name = t.content;
        if (name != "id" && name != "grace_s")
            return refuse("The body of a rotation has id and grace_s, both optional, and nothing else.");
        in.next(t);
        if (name == "id") {
            if (t.what != msgpack_token::kind::str || !is_session_id(t.content))
                return refuse("id must be a session id of 16 to 256 characters of A-Z a-z 0-9 . _ ~ , : -");
            asked.id = std::string(t.content);
        } else {
            if (t.what != msgpack_token::kind::natural || t.natural > longest_grace_s)
                return refuse("grace_s must be whole seconds from 0 to 60.");
            asked.grace = std::chrono::seconds(t.natural);
        }
    }
    return asked;
}

} // namespace

awaitable<void> rotate_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    auto settings = sent_settings(x);
    if (!settings)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    std::string body;
    if (x.in.body.empty())
        msgpack_writer(body).map(0);
    else if (!read_body(s, x, body))
        co_return;
    auto asked = parse_rotation(x, body);
    if (!asked)
        co_return;

    const std::string new_id = asked->id ? *std::move(asked->id) : make_session_id();
    rotation ids{.old_id = std::string(named_id(x)),
                 .from = *key,
                 .new_id = new_id,
                 .to = {s.handle_of(new_id), std::nullopt},
                 .grace = asked->grace,
                 .changes = {},
                 .announce = {}};
    if (ids.to.name == ids.from.name) {
        set_problem(x.out, errc::malformed, "The new id is the old one.");
        co_return;
    }
    const auto done = co_await store.rotate(std::move(ids), std::move(*settings), x.now);
    if (!done) {
        set_problem(x.out, done.error());
        co_return;
    }
    if (done->done.what == write::outcome::refused) {
        if (done->done.why == errc::precondition_failed)
            set_problem(x.out, errc::precondition_failed, "The new id is in use already, or was until a moment ago.");
        else
            show_refusal(x, done->done);
        co_return;
    }
    x.out.session_id = done->id;
    show_head(x.out, done->done.about, x.now);
    std::string members;
    msgpack_writer(members).map(1).text("id").text(done->id);
    show_data(x, members, *type);
}

} // namespace coatcheck
