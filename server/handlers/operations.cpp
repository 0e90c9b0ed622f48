// What operators ask: stores, health, metrics.

#include "server/handlers/handlers.hpp"
#include "server/handlers/session_parts.hpp"
#include "server/msgpack_writer.hpp"

#include "backends/url.hpp"

namespace coatcheck {

namespace {

struct store_state {
    const sessions* store;
    std::optional<errc> trouble;
};

std::string_view state_name(const store_state& s) noexcept
{
    return !s.trouble                        ? "up"
           : *s.trouble == errc::timed_out   ? "slow"
           : *s.trouble == errc::unavailable ? "down"
                                             : "failing";
}

awaitable<std::vector<store_state>> probe_stores(service& s)
{
    std::vector<store_state> states;
    for (const auto& [name, store] : s.stores) {
        const auto answer = co_await store->probe();
        states.push_back({store.get(), answer ? std::nullopt : std::optional(answer.error().code)});
    }
    co_return states;
}

void describe_store(msgpack_writer& w, const service& s, const store_state& state)
{
    const sessions& store = *state.store;
    const capabilities caps = store.caps();
    const auto url = backend_url::parse(store.settings().url);
    const acknowledgement acknowledged = store.acknowledges();
    w.text(store.name()).map(6);
    w.text("state").text(state_name(state));
    w.text("backends").array(1).map(3);
    w.text("kind").text(url.scheme).text("state").text(state_name(state)).text("circuit").text(name_of(store.state()));
    w.text("capabilities").map(4);
    w.text("conditional_writes").text(name_of(caps.conditional_writes));
    w.text("tombstones").text(name_of(caps.ended_records));
    w.text("durable").boolean(caps.durable);
    w.text("subjects").boolean(caps.lists_subjects);
    w.text("acknowledgement").map(2).text("means").text(acknowledged.means).text("warning");
    acknowledged.warning.empty() ? w.null() : w.text(acknowledged.warning);
    w.text("limits").map(3);
    w.text("body").number(
        static_cast<std::int64_t>(std::min(s.settings.limits.body, caps.max_payload.value_or(s.settings.limits.body))));
    w.text("deadline_ms").number(store.settings().deadline.count());
    w.text("max_per_subject");
    store.settings().max_per_subject > 0 ? w.number(static_cast<std::int64_t>(store.settings().max_per_subject))
                                         : w.null();
    w.text("lifetimes").map(5);
    w.text("idle_timeout").number(store.settings().idle_timeout.count());
    w.text("absolute_timeout");
    store.settings().absolute_timeout ? w.number(store.settings().absolute_timeout->count()) : w.null();
    w.text("anonymous_idle_timeout");
    store.settings().anonymous_idle_timeout ? w.number(store.settings().anonymous_idle_timeout->count()) : w.null();
    w.text("tombstone_ms").number(store.settings().tombstone.count());
    w.text("adopt_ids").boolean(store.settings().adopt_ids);
}

} // namespace

awaitable<void> list_stores(service& s, exchange& x)
{
    const auto type = accepted_type(x);
    if (!type)
        co_return;
    const auto states = co_await probe_stores(s);
    std::string members;
    msgpack_writer w(members);
    std::size_t shown = 0;
    for (const auto& state : states)
        shown += x.grant.may(scope::app, state.store->name()) || x.grant.may(scope::admin, state.store->name()) ? 1 : 0;
    w.map(1).text("stores").map(shown);
    for (const auto& state : states)
        if (x.grant.may(scope::app, state.store->name()) || x.grant.may(scope::admin, state.store->name()))
            describe_store(w, s, state);
    show_data(x, members, *type);
}

void report_health(exchange& x)
{
    x.out.type = media_type::json;
    x.out.body = R"({"alive":true})";
}

awaitable<void> report_readiness(service& s, exchange& x, bool known)
{
    const bool strict = has_flag(x.where, "strict");
    const auto states = co_await probe_stores(s);
    bool all_up = true;
    for (const auto& state : states)
        all_up = all_up && !state.trouble;
    const bool draining = s.draining.load(std::memory_order_relaxed);
    const bool ready = !draining && (all_up || !strict);

    std::string members;
    msgpack_writer w(members);
    w.map(known ? 3 : 2).text("ready").boolean(ready).text("draining").boolean(draining);
    if (known) {
        w.text("stores").map(states.size());
        for (const auto& state : states)
            w.text(state.store->name()).text(state_name(state));
    }
    x.out.status = ready ? 200 : 503;
    x.out.retry_after = !ready;
    show_data(x, members, media_type::json);
}

void report_metrics(service& s, exchange& x)
{
    x.out.type = media_type::metrics_text;
    x.out.body = s.counters.text();
}

} // namespace coatcheck
