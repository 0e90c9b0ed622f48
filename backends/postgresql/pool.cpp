#include "backends/postgresql/pool.hpp"

#include "backends/postgresql/sql_state.hpp"
#include "backends/transport/pause.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace coatcheck::postgresql {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds pause_after_conflict = 20ms;

// Of a table that another daemon makes at the same time.
constexpr std::string_view unique_violation = "23505";
constexpr std::string_view duplicate_table = "42P07";
constexpr std::string_view duplicate_object = "42710";

} // namespace

pool::pool(config settings, runtime& threads)
    : threads_(threads), settings_(std::make_shared<const config>(std::move(settings))),
      sql_(std::make_shared<const statements>(settings_->table)), turns_(threads.threads())
{
    for (std::size_t i = 0; i < threads.threads(); ++i)
        waiters_.push_back(std::make_shared<waiters>(threads.context(i)));
    // Not before the wait: it runs on the caller's thread, after the caller has begun to wait.
    const auto done = [&threads, to = waiters_](const std::shared_ptr<query>& q) {
        boost::asio::post(threads.context(q->thread), [w = to[q->thread], q] { w->finish(std::vector{q}); });
    };
    for (std::size_t i = 0; i < settings_->connections; ++i) {
        auto& context = threads.context(i % threads.threads());
        connections_.push_back(std::make_shared<connection>(context.get_executor(), settings_, facts_, done));
        connections_.back()->start();
    }
}

void pool::abandon()
{
    for (const auto& c : connections_)
        c->abandon();
    for (const auto& w : waiters_)
        w->abandon();
}

// One of the thread's own connections, in turn, or the one that it shares with other threads; `of` is whose it is.
connection& pool::choose(std::size_t thread, std::size_t& of) noexcept
{
    const std::size_t count = connections_.size();
    const std::size_t own = thread < count ? (count - thread - 1) / threads_.threads() + 1 : 0;
    const std::size_t index = own == 0 ? thread % count : thread + threads_.threads() * (turns_[thread]++ % own);
    of = index % threads_.threads();
    return *connections_[index];
}

awaitable<pool::answer> pool::ask(const statement& what, std::shared_ptr<const parameters> with, effect does,
                                  deadline by)
{
    const auto next = std::make_shared<query>();
    next->by = by;
    next->what = &what;
    next->with = std::move(with);
    next->does = does;
    next->thread = runtime::this_thread();
    std::size_t theirs = 0;
    auto& chosen = choose(next->thread, theirs);
    boost::asio::post(threads_.context(theirs), [c = chosen.shared_from_this(), next] { c->submit(next); });
    if (auto late = co_await waiters_[next->thread]->wait(next))
        co_return *std::move(late);
    co_return std::move(next->answer);
}

awaitable<result<void>> pool::make_table(deadline by)
{
    const auto made = co_await ask(sql_->make_table, std::make_shared<const parameters>(), effect::writes, by);
    if (!made)
        co_return made.error();
    const auto state = sql_state_of(made->get());
    if (!is_error(made->get()) || state == unique_violation || state == duplicate_table || state == duplicate_object)
        co_return result<void>();
    auto why = failure_of(made->get());
    why.detail = "the table " + settings_->table + " is missing and could not be made; coatcheckd --print-schema " +
                 "prints the SQL for a role that may: " + why.detail;
    co_return why;
}

awaitable<pool::answer> pool::run(const statement& what, parameters with, effect does, deadline by)
{
    const auto shared = std::make_shared<const parameters>(std::move(with));
    for (bool made_table = false;;) {
        auto answered = co_await ask(what, shared, does, by);
        if (!answered || !is_error(answered->get()))
            co_return answered;
        // Nothing has been done.
        const auto state = sql_state_of(answered->get());
        if (state == sql_state::no_such_table && !std::exchange(made_table, true)) {
            const auto made = co_await make_table(by);
            if (!made)
                co_return made.error();
            continue;
        }
        const bool again = state == sql_state::serialization_failure || state == sql_state::deadlock;
        if (!again)
            co_return failure_of(answered->get());
        const bool in_time = co_await pause_at_most(pause_after_conflict, by);
        if (!in_time)
            co_return failure_of(answered->get());
    }
}

} // namespace coatcheck::postgresql
