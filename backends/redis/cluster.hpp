#pragma once
// A Redis Cluster, as one thread sees it: a connection to each master, and a map of slots that is asked for and learnt
// from redirections.

#include "backends/redis/route.hpp"
#include "backends/redis/slots.hpp"
#include "backends/transport/time_limit.hpp"
#include "backends/transport/waiters.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace coatcheck::redis {

class cluster final : public route, public std::enable_shared_from_this<cluster> {
public:
    cluster(executor on, const config& settings, server_facts& facts);

    void start() override;
    awaitable<result<reply>> execute(const command& what, effect does, deadline by) override;
    awaitable<result<void>> probe(deadline by) override;
    void abandon() noexcept override;

private:
    struct node {
        node_address at;
        std::shared_ptr<pipeline> connection;
        bool redirected_to = false; // since the map was asked for
    };

    enum class state : std::uint8_t {
        asking, // for the first time: callers wait
        known,
        away, // nobody has answered yet: callers are refused
    };

    static awaitable<void> watch(std::shared_ptr<cluster> self);
    awaitable<void> rest(std::chrono::steady_clock::duration how_long);
    awaitable<result<topology>> ask();
    awaitable<result<topology>> ask(const node_address& whom);
    std::vector<node_address> whom_to_ask() const;
    void ask_again();
    void apply(const topology& t);
    std::shared_ptr<node> node_at(const node_address& at);
    std::shared_ptr<node> follow(const redirection& r, std::size_t slot);
    awaitable<std::optional<failure>> wait_for_map(deadline by);
    void let_waiting_go_on();
    failure nobody_has(std::size_t slot);

    executor on_;
    const config& config_;
    server_facts& facts_;
    std::map<node_address, std::shared_ptr<node>> nodes_;
    std::vector<std::shared_ptr<node>> by_slot_; // null: no master is known
    std::vector<std::weak_ptr<pipeline>> left_;  // nodes that some may still wait for

    state map_ = state::asking;
    failure away_because_{errc::unavailable, {}};
    topology last_map_;
    std::shared_ptr<waiters> waiters_;
    std::vector<std::shared_ptr<waiting_call>> waiting_; // for the first map

    node_address ask_first_;        // whom a redirection named, who knows best
    std::set<node_address> silent_; // of those asked last
    bool asked_again_ = false;
    bool interruptible_ = false; // the rest
    steady_timer rest_;
};

} // namespace coatcheck::redis
