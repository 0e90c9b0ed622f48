#include "backends/redis/cluster.hpp"

#include "backends/redis/reply_error.hpp"
#include "backends/transport/pause.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace coatcheck::redis {

namespace {

using namespace std::chrono_literals;

constexpr int max_hops = 8;
constexpr int hops_without_pause = 3;
constexpr auto hop_pause = 50ms;
constexpr std::size_t max_waiting = 10'000;
constexpr int probe_keys = 1000;

} // namespace

std::shared_ptr<route> route_into_cluster(executor on, const config& settings, server_facts& facts)
{
    return std::make_shared<cluster>(on, settings, facts);
}

cluster::cluster(executor on, const config& settings, server_facts& facts)
    : on_(on), config_(settings), facts_(facts), by_slot_(slot_count),
      waiters_(std::make_shared<waiters>(on.context())), rest_(on)
{}

void cluster::abandon() noexcept
{
    waiters_->abandon();
    for (const auto& [at, n] : nodes_)
        n->connection->abandon();
    for (const auto& each : left_)
        if (const auto alive = each.lock())
            alive->abandon();
}

awaitable<result<reply>> cluster::execute(const command& what, effect does, deadline by)
{
    if (map_ != state::known)
        if (auto none = co_await wait_for_map(by))
            co_return *std::move(none);
    const auto slot = slot_of(what.key);
    auto to = by_slot_[slot];
    command sent = what;
    // A command that is sent elsewhere or told to try again did not run.
    for (int hops = 0; hops < max_hops && to; ++hops) {
        if (hops >= hops_without_pause && !co_await pause_at_most(hop_pause, by))
            break;
        const auto answer = co_await to->connection->execute(sent, does, by);
        if (!answer) {
            ask_again();
            co_return failure{answer.error().code, to_string(to->at) + ": " + answer.error().detail};
        }
        if (const auto elsewhere = redirection_of(*answer, to->at.host)) {
            to = follow(*elsewhere, slot);
            sent.asking = elsewhere->ask;
        } else if (answer->is_error("TRYAGAIN")) {
            to = by_slot_[slot];
            sent.asking = false;
        } else {
            if (answer->is_error("CLUSTERDOWN"))
                ask_again();
            co_return answer;
        }
    }
    co_return nobody_has(slot);
}

failure cluster::nobody_has(std::size_t slot)
{
    ask_again();
    return {errc::unavailable, by_slot_[slot]
                                   ? "the nodes of the Redis Cluster do not agree who has slot " + std::to_string(slot)
                                   : "no node of the Redis Cluster has slot " + std::to_string(slot)};
}

std::shared_ptr<cluster::node> cluster::follow(const redirection& r, std::size_t slot)
{
    auto to = node_at(r.to);
    to->redirected_to = true;
    if (!r.ask) {
        by_slot_[slot] = to;
        ask_first_ = r.to;
        ask_again();
    }
    return to;
}

std::shared_ptr<cluster::node> cluster::node_at(const node_address& at)
{
    auto& n = nodes_[at];
    if (!n) {
        const address to{.host = at.host, .port = at.port, .name = config_.tls_name};
        n = std::make_shared<node>(node{at, std::make_shared<pipeline>(on_, protocol(config_, facts_, to))});
        n->connection->start();
    }
    return n;
}

void cluster::apply(const topology& t)
{
    std::ranges::fill(by_slot_, nullptr);
    std::set<std::string> masters;
    std::set<node_address> needed;
    for (const auto& range : t.ranges) {
        const auto n = node_at(range.master);
        std::fill(by_slot_.begin() + range.first, by_slot_.begin() + range.last + 1, n);
        needed.insert(range.master);
        masters.insert(to_string(range.master));
    }
    facts_.expect(masters);
    std::erase_if(left_, [](const auto& each) { return each.expired(); });
    std::erase_if(nodes_, [&](const auto& each) {
        const auto& [at, n] = each;
        // One that takes its first slot over has none yet.
        if (needed.contains(at) || std::exchange(n->redirected_to, false))
            return false;
        n->connection->close({errc::unavailable, "it has no slot of the Redis Cluster any more"});
        left_.push_back(n->connection);
        return true;
    });
}

awaitable<std::optional<failure>> cluster::wait_for_map(deadline by)
{
    if (map_ == state::asking) {
        if (waiting_.size() >= max_waiting)
            co_return failure{errc::unavailable, "too many commands wait for the Redis Cluster"};
        const auto call = std::make_shared<waiting_call>();
        call->by = by;
        waiting_.push_back(call);
        if (auto late = co_await waiters_->wait(call))
            co_return late;
    }
    if (map_ == state::away)
        co_return away_because_;
    co_return std::nullopt;
}

void cluster::let_waiting_go_on()
{
    waiters_->finish(std::exchange(waiting_, {}));
}

// A read on every node that sessions can be on: a Cluster that is down answers PING.
awaitable<result<void>> cluster::probe(deadline by)
{
    if (map_ != state::known)
        if (auto none = co_await wait_for_map(by))
            co_return *std::move(none);
    std::map<std::shared_ptr<node>, std::string> keys;
    for (int i = 0; i < probe_keys && keys.size() < nodes_.size(); ++i) {
        const auto key = config_.prefix + std::to_string(i);
        keys.try_emplace(by_slot_[slot_of(key)], key);
    }
    for (const auto& [n, key] : keys) {
        const std::array<std::string_view, 2> words{"GET", key};
        const command get{words, key};
        const auto answer = co_await execute(get, effect::reads, by);
        if (!answer)
            co_return answer.error();
        if (answer->what == reply::type::error)
            co_return failure_of(answer->text);
    }
    co_return result<void>();
}

} // namespace coatcheck::redis
