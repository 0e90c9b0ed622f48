#include "tests/conformance/daemon_over.hpp"

#include "proto/random.hpp"
#include "server/log.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

namespace coatcheck::conformance {

template <class T>
awaitable<result<T>> stopping_backend::pass(awaitable<result<T>> call)
{
    for (auto left = left_.load();;) {
        if (left == 0) {
            const bool first = !stopped_.exchange(true);
            if (first && last_ != last_call::not_done) {
                static_cast<void>(co_await std::move(call));
                co_return failure{errc::timed_out, "the answer is lost"};
            }
            if (last_ == last_call::answer_lost_alone)
                break;
            co_return failure{errc::unavailable, "the daemon has stopped"};
        }
        if (left_.compare_exchange_weak(left, left - 1))
            break;
    }
    if (before_)
        co_await before_();
    auto answer = co_await std::move(call);
    if (after_)
        after_();
    co_return answer;
}

awaitable<result<std::optional<record>>> stopping_backend::load(const session_key& key, deadline by)
{
    return pass(store_.load(key, by));
}

awaitable<result<write>> stopping_backend::put(const session_key& key, const head_changes& changes,
                                               std::string_view payload, precondition when, time_point now, deadline by)
{
    return pass(store_.put(key, changes, payload, when, now, by));
}

awaitable<result<bool>> stopping_backend::swap(const session_key& key, const head* seen, const head& next,
                                               std::optional<std::string_view> payload, time_point now, deadline by)
{
    return pass(store_.swap(key, seen, next, payload, now, by));
}

awaitable<result<std::optional<head>>> stopping_backend::end(const session_key& key, time_point now,
                                                             time_point keep_until, deadline by)
{
    return pass(store_.end(key, now, keep_until, by));
}

awaitable<result<std::optional<head>>> stopping_backend::extend(const session_key& key, time_point now,
                                                                std::chrono::milliseconds keep_after_end, deadline by)
{
    return pass(store_.extend(key, now, keep_after_end, by));
}

ticket new_ticket()
{
    std::string id = make_session_id();
    const handle name = handle_maker()(id);
    return {std::move(id), {name, std::nullopt}};
}

awaitable<result<void>> nobody_listens(const handle&, const head&, const head&)
{
    co_return result<void>();
}

std::vector<ticket> new_tickets(std::size_t n)
{
    std::vector<ticket> made;
    std::generate_n(std::back_inserter(made), n, new_ticket);
    return made;
}

std::string answer_of(const result<rotated>& r)
{
    if (!r)
        return std::string(problem_of(r.error().code).urn);
    return r->done.what == write::outcome::refused ? std::string(problem_of(r->done.why).urn) : r->id;
}

sessions::merging adding(std::string line)
{
    return [line = std::move(line)](const record& stored) { return result<std::string>(stored.payload + line + "\n"); };
}

rotation from_to(const ticket& from, const ticket& to, std::chrono::seconds grace)
{
    return {.old_id = from.id,
            .from = from.key,
            .new_id = to.id,
            .to = to.key,
            .grace = grace,
            .changes = {},
            .announce = {}};
}

namespace {

store_config settings()
{
    store_config c;
    c.idle_timeout = 1h;
    c.tombstone = 10min;
    c.deadline = 20s;
    return c;
}

} // namespace

daemon_over::daemon_over(fixture& f, unsigned calls, last_call last)
    : f_(f), counters_(2, {}, {"default"}, ""),
      store_("default", 0, settings(), std::make_unique<stopping_backend>(f.store(), calls, last), counters_, events_)
{
    log::start({.level = "error", .format = log_format::text});
}

result<rotated> daemon_over::rotate(const ticket& from, const ticket& to, std::chrono::seconds grace,
                                    session_settings settings)
{
    return f_.wait(store_.rotate(from_to(from, to, grace), std::move(settings), f_.now));
}

std::optional<record> daemon_over::look(const ticket& t)
{
    auto found = f_.wait(store_.load(t.key, reading::peek, f_.now));
    if (found)
        return std::move(found->stored);
    const auto why = found.error().code;
    CHECK_MESSAGE((why == errc::ended || why == errc::not_found), why, " ", found.error().detail);
    return std::nullopt;
}

std::string daemon_over::payload(const ticket& t)
{
    auto found = look(t);
    return found ? std::move(found->payload) : "none";
}

result<write> daemon_over::put(const ticket& t, std::string_view payload, precondition when)
{
    return f_.wait(store_.put(t.key, payload, {}, when, f_.now));
}

void daemon_over::end(const ticket& t)
{
    const auto done = f_.wait(store_.end(t.key, f_.now));
    CHECK_MESSAGE(done.has_value(), done.error().code, " ", done.error().detail);
}

unsigned daemon_over::reused() const
{
    const std::string name = "coatcheck_rotated_ids_reused_total{store=\"default\"} ";
    const std::string text = counters_.text();
    const auto at = text.find(name);
    return at == std::string::npos ? 0 : static_cast<unsigned>(std::stoul(text.substr(at + name.size())));
}

} // namespace coatcheck::conformance
