#include "backends/dynamodb/service.hpp"

#include "backends/dynamodb/sigv4.hpp"
#include "backends/transport/pause.hpp"

#include <algorithm>
#include <utility>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;

constexpr unsigned most_attempts = 8;

// The longest pause before the next attempt; a random part of it is taken.
constexpr std::chrono::milliseconds longest_pause(unsigned attempts) noexcept
{
    return 50ms * (1 << std::min(attempts, 5U));
}

environment environment_for(const config& settings)
{
    auto from = read_environment();
    if (settings.profile.empty())
        return from;
    // A profile that the URL names goes before what the environment says.
    from.profile = settings.profile;
    from.key_id = from.secret = from.token = from.web_identity_file = "";
    return from;
}

failure failed(errc code, const std::string& detail)
{
    return {code, "DynamoDB: " + detail};
}

} // namespace

service::service(const config& settings, runtime& threads)
    : config_(settings), http_(threads, server_at(settings.where, "DynamoDB", settings.ca)),
      credentials_(threads, make_credential_sources(environment_for(settings), settings.region, threads))
{}

awaitable<result<answer>> service::call(std::string_view operation, std::string body, effect does, deadline by)
{
    const http_request unsigned_request{"POST",
                                        "/",
                                        {{"Content-Type", "application/x-amz-json-1.0"},
                                         {"X-Amz-Target", "DynamoDB_20120810." + std::string(operation)}},
                                        std::move(body),
                                        does};
    bool renewed = false;
    for (unsigned attempts = 1;; ++attempts) {
        const auto who = co_await credentials_.current(by);
        if (!who)
            co_return who.error();
        auto request = unsigned_request;
        const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        sigv4::sign(request, http_.host(), **who, {config_.region, "dynamodb"}, now);
        const auto reply = co_await http_.call(request, by);
        if (!reply)
            co_return reply.error();

        auto got = read_answer(reply->status, reply->body);
        switch (got.what) {
        case answer::type::done:
        case answer::type::condition_failed:
        case answer::type::no_table:
        case answer::type::in_use:
            co_return got;
        case answer::type::item_too_large:
            co_return failed(errc::too_large, got.detail);
        case answer::type::refused:
            credentials_.refused(*who);
            co_return failed(errc::unavailable, got.detail);
        case answer::type::wrong:
            co_return failed(errc::internal, got.detail);
        case answer::type::expired:
            credentials_.expired(*who);
            if (std::exchange(renewed, true))
                co_return failed(errc::unavailable, got.detail);
            continue;
        case answer::type::unknown:
            if (does == effect::writes)
                co_return failed(errc::timed_out, got.detail);
            break;
        case answer::type::throttled:
            break;
        }
        if (attempts == most_attempts || !co_await pause_at_most(longest_pause(attempts), by))
            co_return failed(errc::unavailable, got.detail);
    }
}

} // namespace coatcheck::dynamodb
