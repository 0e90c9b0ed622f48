#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/memcached/expiry.hpp"
#include "backends/memcached/failures.hpp"
#include "backends/memcached/ketama.hpp"
#include "backends/memcached/memcached_config.hpp"
#include "backends/memcached/protocol.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace coatcheck {

namespace memcached {

namespace {

using type = reply::type;
using verb = command::verb;

// A record's head at its largest.
constexpr std::size_t largest_head = 84 + max_subject_length + max_label_length;

time_point system_now()
{
    return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// What an item that was buried in place says: only that there was a session, which is over.
head buried(const head* before, std::int64_t seconds_left)
{
    const auto now = system_now();
    const auto keep_until = seconds_left < 0 ? never : now + std::chrono::seconds(seconds_left);
    return tombstone(before, std::min(now, keep_until), keep_until);
}

// One thread's connection to one server.
struct channel {
    std::shared_ptr<pipeline> commands;
    std::shared_ptr<wire> form;
    std::uint32_t last_opaque = 0;
};

class memcached_backend final : public compare_and_swap_backend {
public:
    memcached_backend(config settings, runtime& threads)
        : config_(std::move(settings)), facts_(config_.servers.size()), places_(names_of(config_), config_.how)
    {
        for (std::size_t i = 0; i < threads.threads(); ++i) {
            auto& own = channels_.emplace_back();
            for (std::size_t s = 0; s < config_.servers.size(); ++s) {
                const auto form = std::make_shared<wire>(config_.sasl ? wire::binary : wire::text);
                own.push_back({std::make_shared<pipeline>(threads.context(i).get_executor(),
                                                          protocol(config_, config_.servers[s], facts_[s], form)),
                               form});
                own.back().commands->start();
            }
        }
    }

    ~memcached_backend() override
    {
        for (const auto& own : channels_)
            for (const auto& c : own)
                c.commands->abandon();
    }

    capabilities caps() const noexcept override
    {
        const std::size_t around = largest_head;
        std::size_t least = max_value;
        for (const auto& f : facts_)
            least = std::min(least, f.largest_value(config_.prefix.size() + handle::length));
        capabilities c;
        c.conditional_writes = kept_by::store;
        c.ended_records = tombstones::best_effort;
        c.lists_subjects = false;
        c.durable = false;
        c.max_payload = least > around ? least - around : 0;
        c.fails_in_parts = facts_.size() > 1;
        return c;
    }

    acknowledgement acknowledges() const override
    {
        if (std::ranges::none_of(facts_, [](const server_facts& f) { return f.known.load(); }))
            return {"not known until memcached answers", {}};
        acknowledgement a{"kept in memcached's memory and nowhere else",
                          "a restart of memcached ends its sessions and forgets which had ended"};
        if (std::ranges::any_of(facts_, [](const server_facts& f) { return f.known && f.evicts; }))
            a.warning.append("; one that is full evicts the sessions and tombstones used longest ago (-M refuses new "
                             "ones instead)");
        return a;
    }

    awaitable<result<void>> probe(deadline by) override
    {
        for (std::size_t s = 0; s < config_.servers.size(); ++s)
            if (const auto answer = co_await ask(s, {.what = verb::ping}, by); !answer)
                co_return answer.error();
        co_return result<void>();
    }

protected:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part needed, deadline by) override
    {
        const std::string name = name_of(key);
        const auto answer = co_await ask(places_.server_of(name), {.what = verb::get, .key = name}, by);
        if (!answer)
            co_return answer.error();
        if (answer->what == type::missing)
            co_return std::nullopt;
        if (answer->what != type::value || answer->cas == 0)
            co_return failure_of(*answer, verb::get);
        const auto decoded = decode_head(answer->text);
        if (answer->buried)
            co_return std::optional(
                stored{answer->cas, buried(decoded ? &decoded->about : nullptr, answer->seconds_left), {}});
        if (!decoded)
            co_return std::optional(stored{answer->cas, decoded.error(), {}});
        std::string payload;
        if (needed == part::whole)
            payload = answer->text.substr(decoded->payload_at);
        co_return std::optional(stored{answer->cas, decoded->about, std::move(payload)});
    }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        co_return done(co_await store(key, {.what = verb::add}, about, payload, by));
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        auto outcome = co_await store(key, {.what = verb::swap, .cas = old.swap}, about, payload, by);
        const bool no_room = !outcome && outcome.error().code == errc::full;
        if (no_room && about.what == kind::ended && form_of(key) == wire::text)
            outcome = co_await bury(key, old, about.keep_until, by);
        co_return done(std::move(outcome));
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        co_return done(co_await store(key, {.what = verb::swap, .cas = old.swap}, about, old.payload, by));
    }

    part needed_to_extend() const noexcept override { return part::whole; }

    awaitable<result<void>> make_room(const session_key& key, const stored& old, deadline by) override
    {
        const std::string name = name_of(key);
        const auto answer =
            co_await ask(places_.server_of(name), {.what = verb::remove, .key = name, .cas = old.swap}, by);
        if (!answer)
            co_return answer.error();
        co_return result<void>();
    }

private:
    static std::vector<ketama_server> names_of(const config& c)
    {
        std::vector<ketama_server> names;
        for (const auto& s : c.servers)
            names.push_back({s.host, s.port});
        return names;
    }

    std::string name_of(const session_key& key) const
    {
        std::string name;
        name.reserve(config_.prefix.size() + handle::length);
        return name.append(config_.prefix).append(key.name.str());
    }

    channel& to(std::size_t server) { return channels_[runtime::this_thread()][server]; }

    wire form_of(const session_key& key) { return *to(places_.server_of(name_of(key))).form; }

    static result<bool> done(result<type> outcome)
    {
        if (!outcome)
            return outcome.error();
        return *outcome == type::done;
    }

    // The views of the reply are valid until the next co_await. Whatever is no answer to the command is a failure.
    awaitable<result<reply>> ask(std::size_t server, command what, deadline by)
    {
        auto& c = to(server);
        what.form = *c.form;
        what.opaque = ++c.last_opaque;
        const auto family = family_of(what.what);
        const bool reads = family == reply::family::get || family == reply::family::ping;
        auto answer = co_await c.commands->execute(what, reads ? effect::reads : effect::writes, by);
        if (answer && (answer->what == type::error || answer->what == type::full || answer->what == type::too_large))
            answer = failure_of(*answer, what.what);
        if (!answer && config_.servers.size() > 1)
            answer = failure{answer.error().code, config_.servers[server].host + ":" +
                                                      std::to_string(config_.servers[server].port) + ": " +
                                                      answer.error().detail};
        co_return answer;
    }

    // `how` is the verb and its CAS unique. Nothing that is larger than the server takes is sent.
    awaitable<result<type>> store(const session_key& key, command how, const head& about, std::string_view payload,
                                  deadline by)
    {
        const std::string name = name_of(key);
        const auto server = places_.server_of(name);
        if (!facts_[server].known)
            if (const auto answer = co_await ask(server, {.what = verb::ping}, by); !answer)
                co_return answer.error();
        std::string value;
        encode(about, payload, value);
        if (value.size() > facts_[server].largest_value(name.size()))
            co_return failure{errc::too_large, "larger than memcached's items may be (-I)"};
        how.key = name;
        how.value = value;
        how.exptime = exptime_of(about.keep_until, system_now());
        const auto answer = co_await ask(server, how, by);
        if (!answer)
            co_return answer.error();
        co_return answer->what;
    }

    // Ends what is there without memory for a tombstone.
    awaitable<result<type>> bury(const session_key& key, const stored& old, time_point keep_until, deadline by)
    {
        const std::string name = name_of(key);
        const command how{
            .what = verb::bury, .key = name, .cas = old.swap, .exptime = exptime_of(keep_until, system_now())};
        const auto answer = co_await ask(places_.server_of(name), how, by);
        if (!answer)
            co_return answer.error();
        co_return answer->what;
    }

    const config config_;
    std::deque<server_facts> facts_; // by server, as the channels of a thread
    const ketama places_;
    std::vector<std::vector<channel>> channels_; // by thread
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<memcached_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

} // namespace

} // namespace memcached

const driver memcached_driver{
    .says = {.title = "memcached",
             .url = "`memcached://h1,h2/`, `memcacheds://…`, `memcached+unix:///run/memcached.sock`",
             .survives = "a restart of the daemon, not of memcached",
             .conditional_writes = kept_by::store,
             .tombstones = "best effort: memcached evicts when it is full, and forgets all in a restart",
             .limits = "sessions up to the server's `-I` (1 MiB) less 2.3 KiB, larger ones are refused unsent (413); a "
                       "full server evicts, with `-M` it refuses what needs memory (507), and sessions are read and "
                       "ended; a user's sessions are not listed (501)"},
    .open = &memcached::open,
    .check = &memcached::check,
    .several_hosts = true,
};

} // namespace coatcheck
