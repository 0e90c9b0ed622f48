#include "server/problem.hpp"

#include "proto/json_msgpack.hpp"
#include "proto/random.hpp"
#include "server/msgpack_writer.hpp"

#include <cstdio>

namespace coatcheck {

namespace {

std::string_view sentence_for(errc code) noexcept
{
    switch (code) {
    case errc::not_found:
        return "There is no session under this id.";
    case errc::ended:
        return "This session was ended or has expired; nothing brings it back.";
    case errc::too_many_sessions:
        return "This subject has as many sessions as it may have; end one of them first.";
    case errc::too_many_waiters:
        return "As many callers as may wait for locks wait already; try again.";
    case errc::precondition_failed:
        return "The session is not as If-Match or If-None-Match asks.";
    case errc::unavailable:
        return "The store's backend cannot be reached now; try again.";
    case errc::newer_format:
        return "The record was written by a later release of Coatcheck; it is left as it is.";
    case errc::unknown_key:
        return "The record is encrypted under a key that this daemon does not have, or is not encrypted where it must "
               "be; it is left as it is.";
    case errc::corrupt:
        return "The record cannot be read; it is left as it is.";
    case errc::timed_out:
        return "The store's backend did not answer in time; a write may have landed.";
    case errc::full:
        return "The store has no room left; nothing was changed.";
    case errc::too_large:
        return "The session is larger than this store takes.";
    case errc::unsupported:
        return "This store cannot do that.";
    default:
        return "An error inside the daemon; its log has more under the request_id.";
    }
}

} // namespace

std::string make_request_id()
{
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random_uint64()));
    return text;
}

void set_problem(response& r, errc code, std::string_view detail, std::initializer_list<problem_member> more)
{
    const problem_kind& kind = problem_of(code);
    r.status = kind.status;
    r.type = media_type::problem_json;
    r.retry_after = kind.status == 503;
    r.authenticate = kind.status == 401;
    r.unreadable = code == errc::corrupt;
    if (r.request_id.empty())
        r.request_id = make_request_id();

    std::string members;
    msgpack_writer w(members);
    w.map(5 + more.size());
    w.text("type").text(kind.urn).text("title").text(kind.title).text("status").number(kind.status);
    w.text("detail").text(detail).text("request_id").text(r.request_id);
    for (const auto& m : more) {
        w.text(m.name);
        if (const auto* n = std::get_if<std::int64_t>(&m.value))
            w.number(*n);
        else
            w.text(std::get<std::string_view>(m.value));
    }
    r.body.clear();
    if (!msgpack_to_json(members, data_limits{}, r.body))
        r.body = "{}"; // only if `detail` were no UTF-8; the status stands
}

void set_problem(response& r, const failure& f)
{
    r.log_detail = f.detail;
    set_problem(r, f.code, sentence_for(f.code));
}

} // namespace coatcheck
