#include "server/handlers/handlers.hpp"
#include "server/handlers/members.hpp"
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
std::optional<asked_rotation> read_rotation(const service& s, exchange& x)
{
    asked_rotation asked;
    const bool good = read_members(s, x, [&](std::string_view name, const msgpack_token& value) {
        if (name == "id") {
            if (value.what != msgpack_token::kind::str || !is_session_id(value.content))
                return std::string_view("id must be a session id of 16 to 256 characters of A-Z a-z 0-9 . _ ~ , : -");
            asked.id = std::string(value.content);
        } else if (name == "grace_s") {
            if (value.what != msgpack_token::kind::natural || value.natural > longest_grace_s)
                return std::string_view("grace_s must be whole seconds from 0 to 60.");
            asked.grace = std::chrono::seconds(value.natural);
        } else {
            return std::string_view("The body of a rotation has id and grace_s, both optional, and nothing else.");
        }
        return std::string_view();
    });
    return good ? std::optional(std::move(asked)) : std::nullopt;
}

} // namespace

awaitable<void> rotate_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    auto settings = sent_settings(s, x);
    if (!settings)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    auto asked = read_rotation(s, x);
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
