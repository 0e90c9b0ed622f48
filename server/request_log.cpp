#include "server/request_log.hpp"

#include "server/log.hpp"

#include <algorithm>

namespace coatcheck {

namespace {

// The trace-id of a W3C Trace Context traceparent (version 00), or nothing.
std::string_view trace_id_of(std::string_view traceparent) noexcept
{
    if (traceparent.size() < 55 || traceparent[2] != '-' || traceparent[35] != '-' || traceparent[52] != '-')
        return {};
    const auto id = traceparent.substr(3, 32);
    const bool hex = std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return hex && id.find_first_not_of('0') != id.npos ? id : std::string_view();
}

// What is an everyday answer: no reason to write a line.
bool is_ordinary(int status) noexcept
{
    return status < 400 || status == 404 || status == 410 || status == 412;
}

} // namespace

void log_request(const request& in, const response& out)
{
    const bool is_failure = (out.status >= 500 && out.status != 501) || out.unreadable;
    const auto level = is_failure ? log::level::warn : is_ordinary(out.status) ? log::level::debug : log::level::info;
    if (!log::enabled(level))
        return;
    const log::fields fields = {{"method", name_of(in.verb)},
                                {"route", name_of(out.route)},
                                {"status", out.status},
                                {"store", out.store},
                                {"handle", out.session ? out.session->str() : std::string_view()},
                                {"request_id", out.request_id},
                                {"trace_id", trace_id_of(in.get(single_field::traceparent))},
                                {"error", out.log_detail}};
    if (level == log::level::warn)
        log::warn("request failed", fields);
    else if (level == log::level::info)
        log::info("request refused", fields);
    else
        log::debug("request", fields);
}

} // namespace coatcheck
