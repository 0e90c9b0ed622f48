#pragma once
// One connection to Redis, shared by all requests of one thread.

#include "backends/redis/redis_config.hpp"
#include "backends/redis/resp.hpp"
#include "backends/transport/stream.hpp"
#include "backends/transport/time_limit.hpp"

#include <boost/asio/async_result.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace coatcheck::redis {

// What the server said about itself when last connected to. Thread safe.
struct server_facts {
    std::atomic<bool> evicts{true};
    std::atomic<bool> durable{false};
};

enum class effect : std::uint8_t { reads, writes };

// Commands of all callers go out in one write per turn of the reactor, and each reply goes to the oldest command that
// waits for one. A connection that breaks is made anew: at once, then with growing pauses, in which every command is
// refused. Belongs to the thread of its executor, except for its construction, start and abandon.
class pipeline : public std::enable_shared_from_this<pipeline> {
public:
    // `settings` and `facts` must outlive the executor's work.
    pipeline(executor on, const config& settings, server_facts& facts);

    // Begins to connect. Once.
    void start();

    // Sends `words`, which must outlive the co_await, and waits for the reply. Its views are valid until the caller's
    // next co_await. An error reply is a reply. Failures: errc::timed_out past `by`, or if the connection broke before
    // the reply to a command that writes; errc::unavailable if there is no connection or too many commands wait. A
    // command that reads is sent once more on a new connection.
    awaitable<result<reply>> execute(std::span<const std::string_view> words, effect does, deadline by);

    // Lets go of every waiting caller without resuming it. Only while no thread runs the executor; nothing else may be
    // called after it.
    void abandon() noexcept;

private:
    using clock = std::chrono::steady_clock;
    using reply_token = boost::asio::use_awaitable_t<executor>;
    using waiter = boost::asio::async_result<reply_token, void(result<reply>)>::handler_type;

    // A caller that waits. Lives in its coroutine's frame.
    struct request {
        deadline by;
        std::optional<waiter> resume = {};
        bool lost = false; // the connection broke after it was sent
    };

    // A place in the order of replies. Its request leaves it when it stops waiting; the place stays.
    struct place {
        request* who;
        effect does;
        std::size_t bytes;        // of the command
        clock::duration patience; // how long the server may stay silent: twice the request's time
        clock::time_point since;
    };

    struct link {
        explicit link(std::shared_ptr<stream> s) : connection(std::move(s)) {}

        std::shared_ptr<stream> connection;
        reply_parser replies;
        std::array<char, 16384> received;
        std::string sending;
        bool send_in_progress = false;
    };

    enum class state : std::uint8_t {
        connecting, // for the first time, or again since the last connection broke: requests wait
        ready,
        away, // the last attempt failed: requests are refused
    };

    static awaitable<void> run(std::shared_ptr<pipeline> self);
    awaitable<result<std::shared_ptr<link>>> open(deadline by);
    awaitable<result<void>> greet(link& l);
    awaitable<failure> read_replies(link& l);
    awaitable<void> pause(unsigned failures);

    std::optional<failure> submit(request& r, std::span<const std::string_view> words, effect does);
    void request_flush();
    void flush();
    bool deliver(const reply& r);
    void connection_lost(const failure& why);
    void go_away(failure why);
    void arm_sweep();
    void sweep();
    void forget_unsent(clock::time_point now);
    std::size_t owed() const noexcept { return places_.size() - unsent_; }
    static void complete(request& r, result<reply> answer);

    executor on_;
    const config& config_;
    server_facts& facts_;
    std::shared_ptr<link> link_; // while ready
    state state_ = state::connecting;
    bool retiring_ = false; // no more is sent: the link closes when its owed replies are there
    bool flush_requested_ = false;
    bool sweep_armed_ = false;
    std::string out_;          // commands not yet handed to the link
    std::deque<place> places_; // oldest first
    std::size_t unsent_ = 0;   // of places_, at its end: those whose commands are in out_
    failure away_because_{errc::unavailable, {}};
    clock::time_point connect_by_{};
    clock::time_point connected_at_{};
    clock::time_point last_byte_{};
    steady_timer sweep_timer_;
    steady_timer pause_timer_;
};

} // namespace coatcheck::redis
