#include "backends/postgresql/connection.hpp"

#include "backends/postgresql/sql_state.hpp"
#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

namespace coatcheck::postgresql {

namespace {

using namespace std::chrono_literals;

constexpr auto connect_limit = 2s;
constexpr auto shortest_pause = 50ms;
constexpr auto longest_pause = 400ms;
constexpr auto short_life = 1s; // a connection that lived less counts as a failed attempt
constexpr auto watch_period = 20ms;
constexpr std::size_t max_waiting = 10'000;
constexpr std::size_t max_waiting_bytes = std::size_t{64} << 20U;

} // namespace

connection::connection(executor on, std::shared_ptr<const config> settings, std::shared_ptr<server_facts> facts,
                       std::function<void(std::shared_ptr<query>)> done)
    : on_(on), settings_(std::move(settings)), facts_(std::move(facts)), done_(std::move(done)), watch_timer_(on),
      pause_timer_(on)
{}

void connection::start()
{
    connect_by_ = clock::now() + connect_limit;
    boost::asio::co_spawn(on_, run(shared_from_this()), [](const std::exception_ptr& e) {
        if (e)
            std::rethrow_exception(e);
    });
}

void connection::abandon() noexcept
{
    stopped_ = true;
    queue_.clear();
    places_.clear();
    if (link_)
        link_->close();
    watch_timer_.cancel();
    pause_timer_.cancel();
    done_ = nullptr; // it knows other threads, whose contexts may go first
}

awaitable<void> connection::run(std::shared_ptr<connection> self)
{
    auto& c = *self;
    for (unsigned failures = 0; !c.stopped_;) {
        const auto made = c.link_ = std::make_shared<link>(c.on_);
        const auto opened = co_await made->open(*c.settings_, *c.facts_, c.connect_by_);
        if (c.stopped_)
            break;
        if (opened) {
            c.connected_at_ = c.last_byte_ = clock::now();
            c.pipelined_ = made->is_direct();
            c.by_name_ = c.settings_->prepare == preparing::always ||
                         (c.settings_->prepare == preparing::automatic && made->is_direct());
            c.state_ = state::ready;
            c.send_queue();
            const auto why = co_await c.read_replies(*made);
            made->close();
            if (c.stopped_)
                break;
            c.connection_lost(why);
            if (clock::now() - c.connected_at_ >= short_life)
                failures = 0;
            if (failures++ == 0)
                continue;
            c.go_away(why);
        } else {
            c.go_away(opened.error());
            ++failures;
        }
        co_await c.pause(failures);
        c.connect_by_ = clock::now() + connect_limit;
    }
}

awaitable<void> connection::pause(unsigned failures)
{
    constexpr unsigned growths = 5;
    const auto most =
        std::min<std::chrono::milliseconds>(longest_pause, shortest_pause * (1 << std::min(failures, growths)));
    const auto ms = random_uint64() % static_cast<std::uint64_t>(most.count() + 1);
    pause_timer_.expires_after(std::chrono::milliseconds(ms));
    const auto [ec] = co_await pause_timer_.async_wait(as_result);
    static_cast<void>(ec);
}

void connection::refuse(const std::shared_ptr<query>& who, failure why)
{
    who->answer = std::move(why);
    done_(who);
}

void connection::submit(std::shared_ptr<query> next)
{
    if (stopped_)
        return;
    if (state_ == state::away)
        return refuse(next, away_because_);
    if (places_.size() + queue_.size() >= max_waiting || waiting_bytes_ + next->with->size() > max_waiting_bytes)
        return refuse(next, {errc::unavailable, "too many statements wait for PostgreSQL"});
    waiting_bytes_ += next->with->size();
    queue_.push_back(std::move(next));
    send_queue();
    arm_watch();
}

void connection::send_queue()
{
    while (state_ == state::ready && !retiring_ && !queue_.empty() && (pipelined_ || places_.empty())) {
        const auto next = queue_.front();
        if (next->by <= clock::now()) {
            queue_.pop_front();
            waiting_bytes_ -= next->with->size();
            refuse(next, {errc::timed_out, "the deadline was over before it was the statement's turn"});
            continue;
        }
        if (!send(next))
            return link_->close();
        queue_.pop_front();
    }
    flush();
}

// False if nothing was sent.
bool connection::send(const std::shared_ptr<query>& next)
{
    const auto now = clock::now();
    PGconn* const to = link_->get();
    if (to == nullptr)
        return false;
    const statement& what = *next->what;
    const auto n = static_cast<int>(next->with->count());
    std::vector<const char*> values;
    std::vector<int> lengths;
    for (std::size_t i = 0; i < next->with->count(); ++i) {
        values.push_back(next->with->value(i));
        lengths.push_back(next->with->length(i));
    }
    const std::vector<int> binary(values.size(), 1);

    place p{.who = next, .patience = 2 * (next->by - now), .since = now};
    // While its preparation is under way a statement goes unprepared: the preparation may fail.
    auto& state = prepared_[&what];
    p.by_name = by_name_ && !what.name.empty() && state != prepared::pending;
    p.prepares = p.by_name && state == prepared::no;
    if (p.prepares && PQsendPrepare(to, what.name.c_str(), what.text.c_str(), n, what.types.data()) == 0)
        return false;
    const int sent =
        p.by_name ? PQsendQueryPrepared(to, what.name.c_str(), n, values.data(), lengths.data(), binary.data(), 1)
                  : PQsendQueryParams(to, what.text.c_str(), n, what.types.data(), values.data(), lengths.data(),
                                      binary.data(), 1);
    if (sent == 0)
        return false;
    if (p.prepares)
        state = prepared::pending;
    places_.push_back(std::move(p));
    // The end of the transaction. Without it, nothing of the statement stays.
    if (PQpipelineSync(to) == 0)
        link_->close();
    return true;
}

void connection::flush()
{
    if (state_ != state::ready || link_->get() == nullptr || waits_to_write_)
        return;
    const int left = PQflush(link_->get());
    if (left < 0)
        return link_->close();
    if (left == 0)
        return;
    waits_to_write_ = true;
    link_->socket().async_wait(link::descriptor::wait_write,
                               [self = shared_from_this(), l = link_](boost::system::error_code ec) {
                                   if (self->link_ != l)
                                       return;
                                   self->waits_to_write_ = false;
                                   if (!ec)
                                       self->flush();
                               });
}

awaitable<failure> connection::read_replies(link& l)
{
    for (;;) {
        const auto [ec] = co_await l.socket().async_wait(link::descriptor::wait_read, as_result);
        if (l.get() == nullptr)
            co_return failure{errc::unavailable, "the connection to PostgreSQL broke, or was silent for too long"};
        if (ec)
            co_return failure{errc::unavailable, "waiting for PostgreSQL: " + ec.message()};
        last_byte_ = clock::now();
        const bool alive = l.receive();
        // A message that came before the end is in there still, and may say why.
        const bool goes_on = take_results(l);
        if (!alive || !goes_on)
            co_return l.get() != nullptr ? l.broken("the connection to PostgreSQL broke: ") : away_because_;
        if (retiring_ && places_.empty())
            co_return away_because_;
        flush();
    }
}

// False if the connection is over.
bool connection::take_results(link& l)
{
    for (bool pause = false; l.get() != nullptr && !places_.empty() && PQisBusy(l.get()) == 0;) {
        result_ptr next(PQgetResult(l.get()));
        if (next == nullptr) {
            // It ends the results of one statement; twice in a row there is nothing.
            if (std::exchange(pause, true))
                return PQstatus(l.get()) == CONNECTION_OK;
            continue;
        }
        pause = false;
        if (PQresultStatus(next.get()) == PGRES_PIPELINE_SYNC) {
            deliver();
            continue;
        }
        if (is_fatal(next.get()) || (is_error(next.get()) && PQstatus(l.get()) != CONNECTION_OK))
            return false;
        take(places_.front(), std::move(next));
    }
    return l.get() != nullptr;
}

void connection::take(place& p, result_ptr next)
{
    if (PQresultStatus(next.get()) == PGRES_PIPELINE_ABORTED)
        return; // for the error before it
    if (p.prepares) {
        p.prepares = false;
        const bool ok = !is_error(next.get());
        prepared_[p.who->what] = ok ? prepared::yes : prepared::no;
        if (ok)
            return;
    }
    p.failed_late = p.failed_late || (p.answer && is_error(next.get()));
    p.answer = std::move(next);
}

// A statement is done when its transaction is: the end of the pipeline's section has come.
void connection::deliver()
{
    const place p = std::move(places_.front());
    places_.pop_front();
    const auto state = p.answer ? sql_state_of(p.answer.get()) : std::string_view();
    if (p.by_name &&
        (state == sql_state::no_such_prepared_statement || state == sql_state::prepared_statement_exists)) {
        // A pooler is between after all. Nothing has been done.
        by_name_ = false;
        pipelined_ = false;
        queue_.push_front(p.who);
        return send_queue();
    }
    if (state == sql_state::read_only && clock::now() - connected_at_ >= short_life) {
        // A new connection may lead to the new primary.
        retiring_ = true;
        away_because_ = failure_of(p.answer.get());
    }
    waiting_bytes_ -= p.who->with->size();
    const auto unknown = p.who->does == effect::writes ? errc::timed_out : errc::unavailable;
    if (!p.answer) {
        // Whoever answers has lost his place, and so have we.
        link_->close();
        return refuse(p.who, {unknown, "PostgreSQL did not answer a statement"});
    }
    if (p.failed_late)
        p.who->answer = failure{unknown, failure_of(p.answer.get()).detail};
    else
        p.who->answer = p.answer;
    done_(p.who);
    send_queue();
}

void connection::connection_lost(const failure& why)
{
    state_ = state::connecting;
    connect_by_ = clock::now() + connect_limit;
    retiring_ = false;
    waits_to_write_ = false;
    prepared_.clear();
    auto sent = std::exchange(places_, {});
    std::vector<std::shared_ptr<query>> again;
    for (const auto& p : sent) {
        if (p.who->does == effect::reads && !std::exchange(p.who->sent_before, true)) {
            again.push_back(p.who);
            continue;
        }
        waiting_bytes_ -= p.who->with->size();
        refuse(p.who, {p.who->does == effect::writes ? errc::timed_out : errc::unavailable, why.detail});
    }
    queue_.insert(queue_.begin(), again.begin(), again.end());
}

void connection::go_away(failure why)
{
    why.code = errc::unavailable;
    away_because_ = std::move(why);
    state_ = state::away;
    waiting_bytes_ = 0;
    for (const auto& who : std::exchange(queue_, {}))
        refuse(who, away_because_);
}

void connection::arm_watch()
{
    if (std::exchange(watch_armed_, true))
        return;
    watch_timer_.expires_after(watch_period);
    watch_timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
        self->watch_armed_ = false;
        if (!ec && !self->stopped_)
            self->watch();
    });
}

void connection::watch()
{
    const auto now = clock::now();
    if (state_ == state::connecting && now >= connect_by_)
        go_away({errc::unavailable, "connecting to PostgreSQL takes too long"});
    if (state_ == state::ready && !places_.empty()) {
        const auto& oldest = places_.front();
        if (now >= std::max(oldest.since, last_byte_) + oldest.patience)
            link_->close();
    }
    if (!queue_.empty() || !places_.empty())
        arm_watch();
}

} // namespace coatcheck::postgresql
