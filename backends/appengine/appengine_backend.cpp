#include "backends/appengine/appengine_config.hpp"
#include "backends/appengine/memcache.hpp"
#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/transport/http_client.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace coatcheck {

namespace appengine {

namespace {

using namespace std::chrono_literals;

// Of Google's 1,000,000 bytes the longest key and what an item costs beside (73 bytes) are kept off.
constexpr std::size_t max_value = 1'000'000 - 250 - 73;
constexpr std::size_t max_reply = std::size_t{4} << 20;

// What a session may have beside its payload.
std::size_t longest_head()
{
    head h;
    h.subject.assign(max_subject_length, 's');
    h.label.assign(max_label_length, 'l');
    std::string bytes;
    encode(h, {}, bytes);
    return bytes.size();
}

// Google's clock may be a second's fraction apart from the second it counts in, so one is added.
std::uint32_t expiration_at(time_point keep_until)
{
    constexpr std::chrono::seconds longest_relative = std::chrono::days(30);
    const auto left = std::chrono::ceil<std::chrono::seconds>(keep_until - std::chrono::system_clock::now());
    const auto relative = std::max(left, 0s) + 1s;
    if (relative <= longest_relative)
        return static_cast<std::uint32_t>(relative.count());
    const auto absolute = std::chrono::ceil<std::chrono::seconds>(keep_until.time_since_epoch()) + 1s;
    return static_cast<std::uint32_t>(std::min<std::int64_t>(absolute.count(), std::uint32_t{0} - 1));
}

std::string seconds_until(deadline by)
{
    const std::chrono::duration<double> left = by - std::chrono::steady_clock::now();
    std::array<char, 32> text;
    const int length = std::snprintf(text.data(), text.size(), "%.3f", std::max(left.count(), 0.001));
    return {text.data(), static_cast<std::size_t>(length)};
}

http_server proxy_of(const config& c)
{
    return {"App Engine's API proxy", c.proxy, nullptr};
}

class appengine_backend final : public compare_and_swap_backend {
public:
    appengine_backend(config settings, runtime& threads)
        : config_(std::move(settings)), max_payload_(max_value - longest_head()),
          http_(threads, proxy_of(config_), {.reply = max_reply})
    {}

    capabilities caps() const noexcept override
    {
        capabilities c;
        c.conditional_writes = kept_by::store;
        c.ended_records = tombstones::best_effort;
        c.lists_subjects = false;
        c.max_payload = max_payload_;
        return c;
    }

    acknowledgement acknowledges() const override
    {
        return {"held in the memory of App Engine's memcache",
                "Google may evict or flush sessions and tombstones at any time"};
    }

    awaitable<result<void>> probe(deadline by) override
    {
        const std::string key = key_of("probe");
        const auto bytes = co_await call("Get", get_message(config_.name_space, key), effect::reads, by);
        if (!bytes)
            co_return bytes.error();
        const auto content = read_answer(*bytes, effect::reads);
        if (!content)
            co_return content.error();
        if (const auto got = read_get(*content, key); !got)
            co_return got.error();
        co_return result<void>();
    }

protected:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part, deadline by) override
    {
        const std::string name = key_of(key.name.str());
        const auto bytes = co_await call("Get", get_message(config_.name_space, name), effect::reads, by);
        if (!bytes)
            co_return bytes.error();
        const auto content = read_answer(*bytes, effect::reads);
        if (!content)
            co_return content.error();
        const auto got = read_get(*content, name);
        if (!got)
            co_return got.error();
        if (!*got)
            co_return std::nullopt;
        const auto& [value, cas_id] = **got;
        auto decoded = decode_head(value);
        if (!decoded)
            co_return std::optional(stored{cas_id, decoded.error(), {}});
        co_return std::optional(
            stored{cas_id, std::move(decoded->about), std::string(value.substr(decoded->payload_at))});
    }

    part needed_to_extend() const noexcept override { return part::whole; }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        co_return co_await set(key, about, payload, policy::add, 0, by);
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        co_return co_await set(key, about, payload, policy::cas, old.swap, by);
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        co_return co_await set(key, about, old.payload, policy::cas, old.swap, by);
    }

    // Never needed: a memcache without room evicts, so that no write is refused by errc::full.
    awaitable<result<void>> make_room(const session_key&, const stored&, deadline) override
    {
        co_return failure{errc::full, "App Engine's memcache is full"};
    }

private:
    std::string key_of(std::string_view name) const { return config_.prefix + std::string(name); }

    // The body of the proxy's reply.
    awaitable<result<std::string>> call(std::string_view method, std::string content, effect does, deadline by)
    {
        http_request request;
        request.method = "POST";
        request.target = "/rpc_http";
        request.headers = {{"Content-Type", "application/octet-stream"},
                           {"X-Google-RPC-Service-Endpoint", "app-engine-apis"},
                           {"X-Google-RPC-Service-Method", "/VMRemoteAPI.CallRemoteAPI"},
                           {"X-Google-RPC-Service-Deadline", seconds_until(by)}};
        request.body = call_message(method, content, config_.ticket);
        request.does = does;
        auto reply = co_await http_.call(request, by);
        if (!reply)
            co_return reply.error();
        if (reply->status != 200) {
            const bool may_have_landed = does == effect::writes && reply->status >= 500;
            co_return failure{may_have_landed ? errc::timed_out : errc::unavailable,
                              "App Engine's API proxy answers HTTP " + std::to_string(reply->status)};
        }
        co_return std::move(reply->body);
    }

    awaitable<result<bool>> set(const session_key& key, const head& about, std::string_view payload, policy when,
                                std::uint64_t cas_id, deadline by)
    {
        const std::string name = key_of(key.name.str());
        std::string value;
        encode(about, payload, value);
        const item what{name, value, when, expiration_at(about.keep_until), cas_id};
        const auto bytes = co_await call("Set", set_message(config_.name_space, what), effect::writes, by);
        if (!bytes)
            co_return bytes.error();
        const auto content = read_answer(*bytes, effect::writes);
        if (!content)
            co_return content.error();
        co_return read_set(*content);
    }

    const config config_;
    const std::size_t max_payload_;
    http_client http_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<appengine_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

} // namespace

} // namespace appengine

const driver appengine_driver{
    .says = {.title = "App Engine memcache",
             .url = "`appengine://`, `appengine://host:port/?namespace=name`",
             .survives = "nothing: Google's memory, which may be flushed",
             .conditional_writes = kept_by::store,
             .tombstones = "best effort: Google may evict them",
             .limits =
                 "sessions up to 1,000,000 bytes less 2.5 KiB; a full memcache evicts the ones used longest ago; a "
                 "user's sessions are not listed (501)"},
    .open = &appengine::open,
    .check = &appengine::check,
};

} // namespace coatcheck
