#pragma once
// One connection to a server that answers commands in their order, shared by all requests of one thread.

#include "backends/transport/connect.hpp"
#include "backends/transport/effect.hpp"
#include "backends/transport/runtime.hpp"
#include "backends/transport/stream.hpp"
#include "backends/transport/time_limit.hpp"
#include "proto/error.hpp"

#include <boost/asio/async_result.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// What a pipeline has to know of a server. One whose commands may bring replies ahead of the one that answers them says
// how many: `static std::size_t P::replies_before(const command&)`.
template <class P>
concept pipelined_protocol = requires(P& p, const typename P::reply& r, std::string& out, const typename P::command& c,
                                      executor on, deadline by, typename P::parser& replies, std::string_view bytes) {
    { P::server } -> std::convertible_to<std::string_view>; // its name in what operators read
    { P::max_command } -> std::convertible_to<std::size_t>; // bytes

    // Appends one command; `size` is what it adds at most.
    { P::size(c) } -> std::convertible_to<std::size_t>;
    { P::append(out, c) };

    // Feeds bytes; the next reply that is whole, or nothing. Its views are valid until the next call. A failure is
    // final: the place in the stream is lost.
    { replies.feed(bytes) };
    { replies.next() } -> std::same_as<result<std::optional<typename P::reply>>>;

    // A connection that has been let in and owes no reply.
    { p.open(on, by) } -> std::same_as<awaitable<result<std::shared_ptr<stream>>>>;

    // Why this reply wants a new connection for what comes after it, if it does.
    { P::retires(r) } -> std::same_as<std::optional<failure>>;
};

// What a protocol may have beside that: a label in each reply that tells which command it answers.
template <class P>
concept labelled_replies = requires(const typename P::command& c, const typename P::reply& r, std::uint64_t label) {
    { P::label(c) } -> std::same_as<std::uint64_t>;

    // False if the reply is another command's: the place in the stream is lost, and the connection ends.
    { P::answers(r, label) } -> std::same_as<bool>;
};

// Commands of all callers go out in one write per turn of the reactor, and each reply goes to the oldest command that
// waits for one. A connection that breaks is made anew: at once, then with growing pauses, in which every command is
// refused. Belongs to the thread of its executor, except for its construction, start and abandon.
template <class Protocol>
class pipeline : public std::enable_shared_from_this<pipeline<Protocol>> {
public:
    using reply = typename Protocol::reply;
    using command = typename Protocol::command;

    pipeline(executor on, Protocol protocol);

    // Begins to connect. Once.
    void start();

    // Sends `what`, which must outlive the co_await, and waits for the reply. Its views are valid until the caller's
    // next co_await. An error reply is a reply. Failures: errc::timed_out past `by`, or if the connection broke before
    // the reply to a command that writes; errc::unavailable if there is no connection or too many commands wait. A
    // command that reads is sent once more on a new connection.
    awaitable<result<reply>> execute(const command& what, effect does, deadline by);

    // Gives up the connection for a new one, as if it had broken; if there is none, nothing changes.
    void reconnect();

    // For a server that is not needed any more: what was submitted is still answered, what comes now is refused for
    // this reason, and the connection ends with the last answer.
    void close(failure why);

    // Lets go of every waiting caller without resuming it. Only while no thread runs the executor; nothing else may be
    // called after it.
    void abandon() noexcept;

private:
    using clock = std::chrono::steady_clock;
    using reply_token = boost::asio::use_awaitable_t<executor>;
    using waiter = typename boost::asio::async_result<reply_token, void(result<reply>)>::handler_type;

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
        std::size_t bytes; // of the command
        std::size_t replies_before;
        clock::duration patience; // how long the server may stay silent: twice the request's time
        clock::time_point since;
        std::uint64_t label = 0; // of a protocol with labelled_replies
    };

    struct link {
        explicit link(std::shared_ptr<stream> s) : connection(std::move(s)) {}

        std::shared_ptr<stream> connection;
        typename Protocol::parser replies;
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
    awaitable<failure> read_replies(link& l);
    bool done() const noexcept { return (retiring_ && owed() == 0) || (closing_ && places_.empty()); }
    awaitable<void> pause(unsigned failures);

    std::optional<failure> submit(request& r, const command& what, effect does);
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
    static std::string sentence(std::string_view before, std::string_view after);

    executor on_;
    Protocol protocol_;
    std::shared_ptr<link> link_; // while ready
    state state_ = state::connecting;
    bool retiring_ = false; // no more is sent: the link closes when its owed replies are there
    bool closing_ = false;  // no more is taken: the link closes, for good, when nobody waits
    bool flush_requested_ = false;
    bool sweep_armed_ = false;
    std::string out_;          // commands not yet handed to the link
    std::deque<place> places_; // oldest first
    std::size_t unsent_ = 0;   // of places_, at its end: those whose commands are in out_
    failure away_because_{errc::unavailable, {}};
    failure closed_because_{errc::unavailable, {}};
    clock::time_point connect_by_{};
    clock::time_point connected_at_{};
    clock::time_point last_byte_{};
    steady_timer sweep_timer_;
    steady_timer pause_timer_;
};

} // namespace coatcheck
