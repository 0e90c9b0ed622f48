#pragma once
// The definitions of transport/pipeline.hpp, for the one file of a driver that instantiates it.

#include "backends/transport/pipeline.hpp"

#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace coatcheck {

namespace pipeline_limits {

using namespace std::chrono_literals;

constexpr auto connect_limit = 2s;
constexpr auto shortest_pause = 50ms;
constexpr auto longest_pause = 500ms;
constexpr auto short_life = 1s;     // a connection that lived less counts as a failed attempt
constexpr auto sweep_period = 10ms; // how late a deadline is noticed: a timer of its own for each request costs 4 µs
constexpr std::size_t max_places = 10'000;
constexpr std::size_t max_waiting = std::size_t{1} << 20;     // bytes beyond the largest command
constexpr std::size_t kept_capacity = std::size_t{256} << 10; // of a buffer between uses

inline void empty(std::string& buffer)
{
    buffer.clear();
    if (buffer.capacity() > kept_capacity)
        buffer.shrink_to_fit();
}

} // namespace pipeline_limits

template <class Protocol>
pipeline<Protocol>::pipeline(executor on, Protocol protocol)
    : on_(on), protocol_(std::move(protocol)), sweep_timer_(on), pause_timer_(on)
{
    static_assert(pipelined_protocol<Protocol>);
}

template <class Protocol>
void pipeline<Protocol>::start()
{
    connect_by_ = clock::now() + pipeline_limits::connect_limit;
    boost::asio::co_spawn(on_, run(this->shared_from_this()), [](const std::exception_ptr& e) {
        if (e)
            std::rethrow_exception(e);
    });
}

template <class Protocol>
void pipeline<Protocol>::abandon() noexcept
{
    for (auto& p : places_)
        if (p.who != nullptr)
            std::exchange(p.who, nullptr)->resume.reset();
    places_.clear();
    unsent_ = 0;
}

template <class Protocol>
void pipeline<Protocol>::reconnect()
{
    if (state_ == state::ready)
        link_->connection->close();
}

template <class Protocol>
void pipeline<Protocol>::close(failure why)
{
    closing_ = true;
    closed_because_ = std::move(why);
    pause_timer_.cancel();
    if (places_.empty())
        reconnect();
}

template <class Protocol>
auto pipeline<Protocol>::execute(const command& what, effect does, deadline by) -> awaitable<result<reply>>
{
    for (bool again = false;; again = true) {
        request r{by};
        if (auto refused = submit(r, what, does))
            co_return *std::move(refused);
        reply_token token;
        result<reply> answer = co_await boost::asio::async_initiate<reply_token, void(result<reply>)>(
            [&r](waiter w) { r.resume.emplace(std::move(w)); }, token);
        if (!r.lost || does == effect::writes || again)
            co_return answer;
    }
}

template <class Protocol>
std::optional<failure> pipeline<Protocol>::submit(request& r, const command& what, effect does)
{
    const auto now = clock::now();
    if (r.by <= now)
        return failure{errc::timed_out, sentence("the deadline was over before it was the turn of ", "")};
    if (closing_)
        return closed_because_;
    if (state_ == state::away)
        return away_because_;
    if (places_.size() >= pipeline_limits::max_places ||
        out_.size() + Protocol::size(what) > Protocol::max_command + pipeline_limits::max_waiting)
        return failure{errc::unavailable, sentence("too many commands wait for ", "")};
    const auto before = out_.size();
    Protocol::append(out_, what);
    std::size_t replies_before = 0;
    if constexpr (requires { Protocol::replies_before(what); })
        replies_before = Protocol::replies_before(what);
    places_.push_back({&r, does, out_.size() - before, replies_before, 2 * (r.by - now), now});
    if constexpr (labelled_replies<Protocol>)
        places_.back().label = Protocol::label(what);
    ++unsent_;
    request_flush();
    arm_sweep();
    return std::nullopt;
}

template <class Protocol>
void pipeline<Protocol>::complete(request& r, result<reply> answer)
{
    auto resume = *std::move(r.resume);
    resume(std::move(answer));
}

template <class Protocol>
void pipeline<Protocol>::request_flush()
{
    if (state_ != state::ready || std::exchange(flush_requested_, true))
        return;
    boost::asio::post(on_, [self = this->shared_from_this()] {
        self->flush_requested_ = false;
        self->flush();
    });
}

template <class Protocol>
void pipeline<Protocol>::flush()
{
    if (state_ != state::ready || link_->send_in_progress || retiring_ || out_.empty())
        return;
    auto& sending = link_->sending;
    sending.swap(out_);
    unsent_ = 0;
    const std::size_t sent = link_->connection->write_now(sending);
    if (sent == sending.size()) {
        pipeline_limits::empty(sending);
        return;
    }
    link_->send_in_progress = true;
    const auto rest = std::string_view(sending).substr(sent);
    link_->connection->async_write(
        rest, [self = this->shared_from_this(), l = link_](boost::system::error_code ec, std::size_t) {
            l->send_in_progress = false;
            pipeline_limits::empty(l->sending);
            if (ec)
                l->connection->close();
            else if (self->link_ == l)
                self->flush();
        });
}

template <class Protocol>
awaitable<void> pipeline<Protocol>::run(std::shared_ptr<pipeline> self)
{
    auto& p = *self;
    for (unsigned failures = 0; !p.closing_ || !p.places_.empty();) {
        auto opened = co_await p.protocol_.open(p.on_, p.connect_by_);
        if (opened) {
            p.link_ = std::make_shared<link>(*std::move(opened));
            p.connected_at_ = p.last_byte_ = clock::now();
            p.retiring_ = false;
            p.state_ = state::ready;
            p.forget_unsent(p.connected_at_);
            p.flush();
            const auto why = co_await p.read_replies(*p.link_);
            p.link_->connection->close();
            p.link_.reset();
            p.connect_by_ = clock::now() + pipeline_limits::connect_limit;
            p.connection_lost(why);
            if (clock::now() - p.connected_at_ >= pipeline_limits::short_life)
                failures = 0;
            if (failures++ == 0)
                continue;
            p.go_away(why);
        } else {
            p.go_away(opened.error());
            ++failures;
        }
        if (!p.closing_)
            co_await p.pause(failures);
        p.connect_by_ = clock::now() + pipeline_limits::connect_limit;
    }
}

template <class Protocol>
awaitable<void> pipeline<Protocol>::pause(unsigned failures)
{
    constexpr unsigned growths = 5;
    const auto most = std::min<std::chrono::milliseconds>(
        pipeline_limits::longest_pause, pipeline_limits::shortest_pause * (1 << std::min(failures, growths)));
    const auto ms = random_uint64() % static_cast<std::uint64_t>(most.count() + 1);
    pause_timer_.expires_after(std::chrono::milliseconds(ms));
    const auto [ec] = co_await pause_timer_.async_wait(as_result);
    static_cast<void>(ec);
}

template <class Protocol>
awaitable<failure> pipeline<Protocol>::read_replies(link& l)
{
    for (;;) {
        const auto [ec, n] = co_await l.connection->async_read_some(boost::asio::buffer(l.received), as_result);
        if (ec)
            co_return failure{errc::unavailable, sentence("the connection to ", " broke: " + ec.message())};
        last_byte_ = clock::now();
        l.replies.feed({l.received.data(), n});
        for (;;) {
            const auto next = l.replies.next();
            if (!next)
                co_return next.error();
            if (!*next)
                break;
            if (!deliver(**next))
                co_return failure{errc::unavailable, sentence("", " sent a reply that nothing asked for")};
        }
        if (done())
            co_return closing_ ? closed_because_ : away_because_;
    }
}

template <class Protocol>
bool pipeline<Protocol>::deliver(const reply& r)
{
    if (owed() == 0)
        return false;
    if constexpr (labelled_replies<Protocol>)
        if (!Protocol::answers(r, places_.front().label))
            return false;
    if (auto why = Protocol::retires(r); why && clock::now() - connected_at_ >= pipeline_limits::short_life) {
        retiring_ = true;
        away_because_ = *std::move(why);
    }
    auto& first = places_.front();
    if (first.replies_before != 0) {
        --first.replies_before;
        return true;
    }
    const auto who = first.who;
    places_.pop_front();
    if (who != nullptr)
        complete(*who, r);
    return true;
}

template <class Protocol>
void pipeline<Protocol>::connection_lost(const failure& why)
{
    std::vector<place> sent(places_.begin(), places_.end() - static_cast<std::ptrdiff_t>(unsent_));
    places_.erase(places_.begin(), places_.end() - static_cast<std::ptrdiff_t>(unsent_));
    state_ = state::connecting;
    for (const auto& p : sent) {
        if (p.who == nullptr)
            continue;
        p.who->lost = true;
        complete(*p.who, failure{p.does == effect::writes ? errc::timed_out : errc::unavailable, why.detail});
    }
}

template <class Protocol>
void pipeline<Protocol>::go_away(failure why)
{
    why.code = errc::unavailable;
    away_because_ = std::move(why);
    state_ = state::away;
    const auto waiting = std::exchange(places_, {});
    unsent_ = 0;
    pipeline_limits::empty(out_);
    for (const auto& p : waiting)
        if (p.who != nullptr)
            complete(*p.who, away_because_);
}

template <class Protocol>
void pipeline<Protocol>::arm_sweep()
{
    if (std::exchange(sweep_armed_, true))
        return;
    sweep_timer_.expires_after(pipeline_limits::sweep_period);
    sweep_timer_.async_wait([self = this->shared_from_this()](boost::system::error_code ec) {
        self->sweep_armed_ = false;
        if (!ec)
            self->sweep();
    });
}

template <class Protocol>
void pipeline<Protocol>::sweep()
{
    const auto now = clock::now();
    if (state_ == state::connecting && now >= connect_by_)
        go_away({errc::unavailable, sentence("connecting to ", " takes too long")});
    // Not while going through the places: a caller that resumes may add one.
    std::vector<request*> late;
    for (auto& p : places_)
        if (p.who != nullptr && p.who->by <= now)
            late.push_back(std::exchange(p.who, nullptr));
    for (auto* r : late)
        complete(*r, failure{errc::timed_out, sentence("", " did not answer in time")});
    if (state_ == state::ready && owed() != 0) {
        const auto& oldest = places_.front();
        if (now >= std::max(oldest.since, last_byte_) + oldest.patience)
            link_->connection->close();
    }
    if (!places_.empty())
        arm_sweep();
}

// A write that was answered with timed_out while it waited for a connection is better not done at all.
template <class Protocol>
void pipeline<Protocol>::forget_unsent(clock::time_point now)
{
    std::string kept;
    std::deque<place> places;
    std::size_t at = 0;
    for (auto& p : places_) {
        if (p.who != nullptr) {
            p.since = now;
            kept.append(out_, at, p.bytes);
            places.push_back(p);
        }
        at += p.bytes;
    }
    out_.swap(kept);
    places_.swap(places);
    unsent_ = places_.size();
}

template <class Protocol>
std::string pipeline<Protocol>::sentence(std::string_view before, std::string_view after)
{
    return std::string(before).append(Protocol::server).append(after);
}

} // namespace coatcheck
