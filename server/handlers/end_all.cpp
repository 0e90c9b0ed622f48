#include "backends/transport/stream.hpp"
#include "backends/transport/time_limit.hpp"
#include "server/audit.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/members.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/moment.hpp"
#include "server/msgpack_writer.hpp"

#include <boost/asio/this_coro.hpp>

namespace coatcheck {

namespace {

using std::chrono::milliseconds;

// {"before": …}, optional. Or nothing, and `x.out` is the problem.
std::optional<time_point> read_before(const service& s, exchange& x)
{
    const time_point next = x.now + milliseconds(1);
    std::optional<time_point> before = next;
    const bool good = read_members(s, x, [&](std::string_view name, const msgpack_token& value) {
        if (name != "before")
            return std::string_view("The body of end-all has before, which is optional, and nothing else.");
        before = value.what == msgpack_token::kind::str ? parse_moment(value.content) : std::nullopt;
        if (!before)
            return std::string_view("before must be an RFC 3339 date and time, such as 2026-11-23T08:00:00Z.");
        return *before > next ? std::string_view("before must not be in the future.") : std::string_view();
    });
    return good ? before : std::nullopt;
}

// So that no session that is created after the answer is among those which it ended.
awaitable<void> let_the_millisecond_pass()
{
    steady_timer timer(co_await boost::asio::this_coro::executor, milliseconds(1));
    const auto [ec] = co_await timer.async_wait(as_result);
    static_cast<void>(ec);
}

} // namespace

awaitable<void> end_all_sessions(service& s, sessions& store, exchange& x)
{
    if (refuse_preconditions(x, {list_field::if_match, list_field::if_none_match}))
        co_return;
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto before = read_before(s, x);
    if (!before)
        co_return;
    if (*before > x.now)
        co_await let_the_millisecond_pass();
    const auto done = co_await store.end_all(*before, x.now);
    const std::string moment = in_rfc3339(*before);
    if (!done) {
        set_problem(x.out, done.error());
    } else {
        x.out.status = 202;
        std::string members;
        msgpack_writer(members).map(1).text("before").text(moment);
        show_data(x, members, *type);
    }
    log_audit(x, "end-all", {"before", moment});
}

} // namespace coatcheck
