#include "server/handlers/handlers.hpp"
#include "server/handlers/members.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/msgpack_writer.hpp"

namespace coatcheck {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t longest_lease_ms = 60'000;
constexpr std::uint64_t longest_wait_ms = 30'000;

struct asked_lock {
    milliseconds lease{10'000};
    milliseconds wait{0};
};

// Or nothing, and `x.out` is the problem.
std::optional<asked_lock> read_lock(const service& s, exchange& x)
{
    asked_lock asked;
    const bool good = read_members(s, x, [&](std::string_view name, const msgpack_token& value) {
        const bool natural = value.what == msgpack_token::kind::natural;
        if (name == "lease_ms") {
            if (!natural || value.natural < 1 || value.natural > longest_lease_ms)
                return std::string_view("lease_ms must be whole milliseconds from 1 to 60000.");
            asked.lease = milliseconds(value.natural);
        } else if (name == "wait_ms") {
            if (!natural || value.natural > longest_wait_ms)
                return std::string_view("wait_ms must be whole milliseconds from 0 to 30000.");
            asked.wait = milliseconds(value.natural);
        } else {
            return std::string_view("The body of a lock has lease_ms and wait_ms, both optional, and nothing else.");
        }
        return std::string_view();
    });
    return good ? std::optional(std::move(asked)) : std::nullopt;
}

} // namespace

awaitable<void> lock_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto asked = read_lock(s, x);
    if (!asked)
        co_return;
    const auto locked = co_await store.lock(*key, asked->lease, asked->wait, x.now);
    if (!locked) {
        set_problem(x.out, locked.error());
        x.out.retry_after = locked.error().code == errc::too_many_waiters;
        co_return;
    }
    if (locked->what == write::outcome::refused) {
        show_refusal(x, *locked);
        co_return;
    }
    std::string members;
    msgpack_writer(members)
        .map(2)
        .text("token")
        .number(static_cast<std::int64_t>(locked->about.lock_token))
        .text("lease_ms")
        .number(asked->lease.count());
    show_data(x, members, *type);
}

awaitable<void> unlock_session(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto key = named_session(s, x);
    if (!key)
        co_return;
    if (!x.in.has(single_field::session_lock)) {
        set_problem(x.out, errc::malformed, "The Session-Lock field is missing: the token that POST …/lock answered.");
        co_return;
    }
    const auto token = parse_lock_token(x);
    if (!token)
        co_return;
    const auto unlocked = co_await store.unlock(*key, *token, x.now);
    if (!unlocked) {
        set_problem(x.out, unlocked.error());
    } else if (unlocked->what == write::outcome::refused) {
        show_refusal(x, *unlocked);
    } else {
        x.out.status = 204;
    }
}

} // namespace coatcheck
