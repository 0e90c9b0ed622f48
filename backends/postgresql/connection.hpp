#pragma once
// A connection that all callers share: their statements are pipelined, each a transaction of its own. Through a pooler
// they go one at a time: PgBouncer can give a server to somebody else between two statements of a pipeline, when it has
// half of the second.

#include "backends/postgresql/link.hpp"
#include "backends/postgresql/statements.hpp"
#include "backends/transport/time_limit.hpp"
#include "backends/transport/waiters.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace coatcheck::postgresql {

enum class effect : std::uint8_t { reads, writes };

// A statement that a caller of the thread `thread` waits for. Its answer is what PostgreSQL says, or an error of it
// after which nothing was written. A failure: errc::timed_out if a write may have landed, else errc::unavailable.
struct query : waiting_call {
    const statement* what = nullptr;
    std::shared_ptr<const parameters> with;
    effect does = effect::writes;
    std::size_t thread = 0;
    result<std::shared_ptr<const PGresult>> answer = failure{errc::internal, "not done"};
    bool sent_before = false; // on a connection that broke
};

// What breaks is made anew: at once, then with growing pauses, in which every query is refused. Belongs to the thread
// of its executor, except for its construction, start and abandon.
class connection : public std::enable_shared_from_this<connection> {
public:
    // `done` gets each query that was submitted, once. What is shared outlives the executor's work.
    connection(executor on, std::shared_ptr<const config> settings, std::shared_ptr<server_facts> facts,
               std::function<void(std::shared_ptr<query>)> done);

    // Begins to connect. Once.
    void start();

    // A query whose deadline passes before it is sent is not sent. One that reads is sent once more if the connection
    // breaks.
    void submit(std::shared_ptr<query> next);

    // Drops everything. Only while no thread runs the executor.
    void abandon() noexcept;

private:
    using clock = std::chrono::steady_clock;

    // A place in the order of replies.
    struct place {
        std::shared_ptr<query> who;
        clock::duration patience; // how long the server may stay silent: twice the query's time
        clock::time_point since;
        bool prepares = false; // its first result is that of its preparation
        bool by_name = false;
        bool failed_late = false; // after it had succeeded: at the commit
        std::shared_ptr<const PGresult> answer = nullptr;
    };

    enum class state : std::uint8_t {
        connecting, // for the first time, or again since the last connection broke: queries wait
        ready,
        away, // the last attempt failed: queries are refused
    };

    enum class prepared : std::uint8_t { no, pending, yes };

    static awaitable<void> run(std::shared_ptr<connection> self);
    awaitable<failure> read_replies(link& l);
    awaitable<void> pause(unsigned failures);

    void send_queue();
    bool send(const std::shared_ptr<query>& next);
    void flush();
    bool take_results(link& l);
    void take(place& p, result_ptr next);
    void deliver();
    void refuse(const std::shared_ptr<query>& who, failure why);
    void connection_lost(const failure& why);
    void go_away(failure why);
    void arm_watch();
    void watch();

    executor on_;
    std::shared_ptr<const config> settings_;
    std::shared_ptr<server_facts> facts_;
    std::function<void(std::shared_ptr<query>)> done_;
    std::shared_ptr<link> link_; // while connecting or ready
    state state_ = state::connecting;
    bool stopped_ = false;
    bool retiring_ = false; // no more is sent: the link closes when its owed replies are there
    bool waits_to_write_ = false;
    bool watch_armed_ = false;
    bool pipelined_ = false; // else one statement at a time
    bool by_name_ = false;   // statements are prepared
    std::map<const statement*, prepared> prepared_;
    std::deque<std::shared_ptr<query>> queue_; // not sent
    std::deque<place> places_;                 // sent, oldest first
    std::size_t waiting_bytes_ = 0;            // of both
    failure away_because_{errc::unavailable, {}};
    clock::time_point connect_by_{};
    clock::time_point connected_at_{};
    clock::time_point last_byte_{};
    steady_timer watch_timer_;
    steady_timer pause_timer_;
};

} // namespace coatcheck::postgresql
