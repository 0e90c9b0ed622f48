#include "server/audit.hpp"
#include "server/event_stream.hpp"
#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/query.hpp"

#include <boost/asio/this_coro.hpp>

namespace coatcheck {

awaitable<void> follow_events(service& s, exchange& x)
{
    if (!x.grant.may(scope::admin)) {
        set_problem(x.out, errc::forbidden, "This needs a token with the scope admin.");
        co_return;
    }
    event_stream::filter wanted;
    if (!parse_query(x.where.query, {{"store", wanted.store}, {"subject", wanted.subject}})) {
        set_problem(x.out, errc::malformed,
                    "The query takes store= and subject=, each once, with a value that is percent-encoded (a plus as "
                    "%2B, a space as %20).");
        co_return;
    }
    if (wanted.subject)
        wanted.subject = s.subject_of(*wanted.subject);
    if (wanted.store && permitted_store(s, x, *wanted.store, scope::admin) == nullptr)
        co_return;
    const bool of_one_subject = wanted.subject.has_value();
    x.out.stream = event_stream::open(s, x.in, std::move(wanted), co_await boost::asio::this_coro::executor);
    if (!x.out.stream) {
        set_problem(x.out, errc::unavailable, "This daemon's events have as many readers as it takes; try again.");
        co_return;
    }
    x.out.type = media_type::event_stream;
    log_audit(x, "events", {"of_one_subject", of_one_subject});
}

} // namespace coatcheck
