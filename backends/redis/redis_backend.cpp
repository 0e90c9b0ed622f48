#include "backends/driver.hpp"
#include "backends/redis/redis_config.hpp"
#include "backends/redis/reply_error.hpp"
#include "backends/redis/route.hpp"
#include "backends/redis/scripts.hpp"

#include <boost/endian/conversion.hpp>

#include <array>
#include <utility>
#include <vector>

namespace coatcheck {

namespace redis {

namespace {

// A record that fits into a reply with its head and the protocol around it.
constexpr std::size_t max_payload = max_reply - (std::size_t{8} << 10);

void append_uint64(std::string& out, std::uint64_t value)
{
    boost::endian::native_to_big_inplace(value);
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_ms(std::string& out, std::chrono::milliseconds value)
{
    append_uint64(out, static_cast<std::uint64_t>(value.count()));
}

// put_script's first argument: what was asked, then the head of a creation, which a replacement takes its new fields
// from.
std::string put_arguments(const head& created, const head_changes& changes, precondition when, time_point now)
{
    std::string out;
    for (const bool flag : {changes.idle.has_value(), changes.absolute.has_value(), changes.subject.has_value(),
                            changes.label.has_value(), changes.may_create})
        out += static_cast<char>(flag);
    out += static_cast<char>(when.what());
    out += static_cast<char>(changes.lock_token.has_value());
    append_ms(out, now.time_since_epoch());
    append_ms(out, changes.keep_after_end);
    append_ms(out, changes.absolute.value_or(std::chrono::seconds{0}));
    append_ms(out, changes.epoch.time_since_epoch());
    append_uint64(out, when.value());
    append_uint64(out, changes.lock_token.value_or(0));
    encode(created, {}, out);
    return out;
}

// swap_script's first argument: whether something is there that was `seen`, whether its payload stays, and what tells
// that it has not changed.
std::string swap_arguments(const head* seen, bool keeps_payload, time_point now)
{
    std::string out;
    out += static_cast<char>(seen != nullptr);
    out += static_cast<char>(keeps_payload);
    append_ms(out, now.time_since_epoch());
    append_uint64(out, seen != nullptr ? seen->revision : 0);
    append_uint64(out, seen != nullptr ? seen->data_version.bits : 0);
    return out;
}

// The outcome of a script, or why there is none.
result<char> outcome_of(const reply& r)
{
    if (r.what == reply::type::error)
        return failure_of(r.text);
    if (r.what != reply::type::string || r.text.empty())
        return failure{errc::internal, "a Redis script without an outcome"};
    switch (const char c = r.text.front()) {
    case outcome::corrupt:
        return failure{errc::corrupt, "the key holds no record"};
    case outcome::newer_format:
        return failure{errc::newer_format, "the record is of a later release"};
    default:
        return c;
    }
}

std::shared_ptr<route> make_route(executor on, const config& settings, server_facts& facts)
{
    switch (settings.kind) {
    case set_up::cluster:
        return route_into_cluster(on, settings, facts);
    case set_up::sentinel:
        return route_by_sentinels(on, settings, facts);
    default:
        return route_to_server(on, settings, facts);
    }
}

class redis_backend final : public backend {
public:
    redis_backend(config settings, runtime& threads)
        : config_(std::move(settings)), facts_(config_.kind != set_up::server)
    {
        for (std::size_t i = 0; i < threads.threads(); ++i) {
            routes_.push_back(make_route(threads.context(i).get_executor(), config_, facts_));
            routes_.back()->start();
        }
    }

    ~redis_backend() override
    {
        for (const auto& each : routes_)
            each->abandon();
    }

    capabilities caps() const noexcept override
    {
        capabilities c;
        c.conditional_writes = kept_by::store;
        c.ended_records = facts_.ended_records();
        c.durable = facts_.durable();
        c.max_payload = max_payload;
        c.fails_in_parts = config_.kind == set_up::cluster;
        return c;
    }

    acknowledgement acknowledges() const override { return facts_.acknowledges(); }

    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override
    {
        const std::string name = name_of(key);
        const std::array<std::string_view, 2> words{"GET", name};
        const command get{words, name};
        const auto answer = co_await here().execute(get, effect::reads, by);
        if (!answer)
            co_return answer.error();
        if (answer->what == reply::type::error)
            co_return failure_of(answer->text);
        if (answer->what == reply::type::nil)
            co_return std::nullopt;
        auto decoded = decode_record(answer->text);
        if (!decoded)
            co_return decoded.error();
        co_return std::optional(*std::move(decoded));
    }

    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override
    {
        if (payload.size() > max_payload)
            co_return failure{errc::too_large, "larger than Redis replies may be"};
        head created = apply(nullptr, changes, now);
        const std::string arguments = put_arguments(created, changes, when, now);
        const std::string name = name_of(key);
        std::array<std::string_view, 6> words{"EVALSHA", put_script.sha1, "1", name, arguments, payload};
        const auto answer = co_await run(put_script, words, by);
        if (!answer)
            co_return answer.error();
        const auto what = outcome_of(*answer);
        if (!what)
            co_return what.error();
        if (*what == outcome::created)
            co_return write{write::outcome::created, {}, std::move(created)};
        head about;
        if (const auto bytes = answer->text.substr(1); !bytes.empty()) {
            auto decoded = decode_head(bytes);
            if (!decoded)
                co_return decoded.error();
            about = std::move(decoded->about);
        }
        switch (*what) {
        case outcome::replaced:
            co_return write{write::outcome::replaced, {}, std::move(about)};
        case outcome::ended:
            co_return write{write::outcome::refused, errc::ended, std::move(about)};
        case outcome::not_found:
            co_return write{write::outcome::refused, errc::not_found, std::move(about)};
        case outcome::locked:
            co_return write{write::outcome::refused, errc::locked, std::move(about)};
        default:
            co_return write{write::outcome::refused, errc::precondition_failed, std::move(about)};
        }
    }

    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override
    {
        if (payload && payload->size() > max_payload)
            co_return failure{errc::too_large, "larger than Redis replies may be"};
        const std::string arguments = swap_arguments(seen, !payload, now);
        std::string bytes;
        encode(next, {}, bytes);
        const std::string name = name_of(key);
        std::array<std::string_view, 7> words{"EVALSHA", swap_script.sha1,    "1", name, arguments,
                                              bytes,     payload.value_or("")};
        const auto answer = co_await run(swap_script, words, by);
        if (!answer)
            co_return answer.error();
        const auto what = outcome_of(*answer);
        if (!what && is_unreadable(what.error().code))
            co_return false;
        if (!what)
            co_return what.error();
        co_return *what == outcome::done;
    }

    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override
    {
        std::string bytes;
        encode(tombstone(nullptr, now, keep_until), {}, bytes);
        const std::string name = name_of(key);
        std::array<std::string_view, 5> words{"EVALSHA", end_script.sha1, "1", name, bytes};
        const auto answer = co_await run(end_script, words, by);
        if (!answer)
            co_return answer.error();
        if (const auto what = outcome_of(*answer); !what)
            co_return what.error();
        const auto before = answer->text.substr(1);
        if (before.empty())
            co_return std::nullopt;
        auto decoded = decode_head(before);
        if (!decoded)
            co_return decoded.error();
        co_return std::optional(std::move(decoded->about));
    }

    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override
    {
        std::string arguments;
        append_ms(arguments, now.time_since_epoch());
        append_ms(arguments, keep_after_end);
        const std::string name = name_of(key);
        std::array<std::string_view, 5> words{"EVALSHA", extend_script.sha1, "1", name, arguments};
        const auto answer = co_await run(extend_script, words, by);
        if (!answer)
            co_return answer.error();
        const auto what = outcome_of(*answer);
        if (!what)
            co_return what.error();
        if (*what == outcome::not_found)
            co_return std::nullopt;
        auto decoded = decode_head(answer->text.substr(1));
        if (!decoded)
            co_return decoded.error();
        co_return std::optional(std::move(decoded->about));
    }

    awaitable<result<void>> probe(deadline by) override { co_return co_await here().probe(by); }

private:
    route& here() { return *routes_[runtime::this_thread()]; }

    std::string name_of(const session_key& key) const
    {
        std::string name;
        name.reserve(config_.prefix.size() + handle::length);
        return name.append(config_.prefix).append(key.name.str());
    }

    // `words` are an EVALSHA of `s`. NOSCRIPT says that nothing ran, so the script itself is sent then, once; Redis
    // keeps it from there on.
    awaitable<result<reply>> run(const script& s, std::span<std::string_view> words, deadline by)
    {
        constexpr std::size_t key = 3;
        const command evaluate{words, words[key]};
        auto answer = co_await here().execute(evaluate, effect::writes, by);
        if (answer && answer->is_error("NOSCRIPT")) {
            words[0] = "EVAL";
            words[1] = s.text;
            answer = co_await here().execute(evaluate, effect::writes, by);
        }
        co_return answer;
    }

    const config config_;
    server_facts facts_;
    std::vector<std::shared_ptr<route>> routes_; // by thread
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<redis_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

} // namespace

} // namespace redis

const driver redis_driver{
    .says = {.title = "Redis",
             .url = "`redis://host:6379/0`, `redis+unix:///run/redis.sock`, `redis+cluster://h1,h2,h3/`, "
                    "`redis+sentinel://h1,h2,h3/mymaster/0`; `rediss…` over TLS",
             .survives =
                 "what the server's `appendonly` and `appendfsync` promise; a fail-over to a replica loses what "
                 "that has not received",
             .conditional_writes = kept_by::store,
             .tombstones =
                 "kept with `maxmemory-policy noeviction` and no replica that could take over, else best effort",
             .limits = "sessions up to 64 MiB less 8 KiB; a full server refuses new data (507), sessions are used and "
                       "ended"},
    .open = &redis::open,
    .check = &redis::check,
    .several_hosts = true, // of redis+cluster and redis+sentinel; redis_config refuses them elsewhere
};

} // namespace coatcheck
