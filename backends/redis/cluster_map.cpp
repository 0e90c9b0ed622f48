// How a Cluster's map is kept up to date.

#include "backends/redis/cluster.hpp"
#include "backends/redis/conversation.hpp"
#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

namespace coatcheck::redis {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto ask_limit = 1s; // for each node that is asked
constexpr auto shortest_rest = 100ms;
constexpr auto longest_rest_in_trouble = 1600ms;
constexpr auto longest_rest = 30s;
constexpr unsigned growths = 4;

// From half of it to all of it, since many threads of many daemons see the same.
clock::duration jittered(std::chrono::milliseconds most)
{
    const auto half = static_cast<std::uint64_t>(most.count()) / 2;
    return std::chrono::milliseconds(half + random_uint64() % (half + 1));
}

} // namespace

void cluster::start()
{
    boost::asio::co_spawn(on_, watch(shared_from_this()), [](const std::exception_ptr& e) {
        if (e)
            std::rethrow_exception(e);
    });
}

// Asks at the start, now and then, and when something went wrong: soon after the first time, then less and less often
// as long as the answer is the same.
awaitable<void> cluster::watch(std::shared_ptr<cluster> self)
{
    auto& c = *self;
    for (unsigned in_vain = 0;;) {
        c.asked_again_ = false;
        auto found = co_await c.ask();
        if (found) {
            in_vain = *found == c.last_map_ ? in_vain + 1 : 0;
            c.last_map_ = *std::move(found);
            c.apply(c.last_map_);
            c.map_ = state::known;
        } else {
            ++in_vain;
            if (c.map_ != state::known) {
                c.away_because_ = found.error();
                c.map_ = state::away;
            }
        }
        c.let_waiting_go_on();
        co_await c.rest(jittered(std::min<std::chrono::milliseconds>(
            longest_rest_in_trouble, shortest_rest * (1U << std::min(in_vain, growths)))));
        if (c.map_ != state::known || c.asked_again_)
            continue;
        c.interruptible_ = true;
        co_await c.rest(jittered(longest_rest));
        c.interruptible_ = false;
        in_vain = 0;
        if (c.asked_again_)
            co_await c.rest(jittered(shortest_rest));
    }
}

awaitable<void> cluster::rest(clock::duration how_long)
{
    rest_.expires_after(how_long);
    const auto [ec] = co_await rest_.async_wait(as_result);
    static_cast<void>(ec);
}

void cluster::ask_again()
{
    asked_again_ = true;
    if (interruptible_)
        rest_.cancel();
}

std::vector<node_address> cluster::whom_to_ask() const
{
    std::vector<node_address> all;
    for (const auto& each : config_.servers)
        all.push_back({each.host, each.port});
    for (const auto& [at, n] : nodes_)
        if (std::ranges::find(all, at) == all.end())
            all.push_back(at);
    std::minstd_rand random(static_cast<unsigned>(random_uint64()));
    std::ranges::shuffle(all, random);
    std::ranges::sort(all, {}, [this](const auto& at) { return std::pair(at != ask_first_, silent_.contains(at)); });
    return all;
}

awaitable<result<topology>> cluster::ask()
{
    std::string why;
    for (const auto& whom : whom_to_ask()) {
        auto answer = co_await ask(whom);
        if (answer) {
            silent_.erase(whom);
            co_return answer;
        }
        silent_.insert(whom);
        if (ask_first_ == whom)
            ask_first_ = {};
        why.append(why.empty() ? "" : "; ").append(to_string(whom)).append(": ").append(answer.error().detail);
    }
    co_return failure{errc::unavailable, std::move(why)};
}

awaitable<result<topology>> cluster::ask(const node_address& whom)
{
    const auto by = clock::now() + ask_limit;
    const address to{.host = whom.host, .port = whom.port, .name = config_.tls_name};
    const auto with = co_await conversation::begin(on_, to, config_, config_.login, by);
    if (!with)
        co_return with.error();
    const auto answer = co_await (*with)->ask({"CLUSTER", "SLOTS"}, by);
    if (!answer)
        co_return answer.error();
    auto map = topology_of(*answer, whom.host);
    if (!map)
        co_return failure{errc::unavailable, "what it says of its slots cannot be understood"};
    if (map->ranges.empty())
        co_return failure{errc::unavailable, "it is in no Redis Cluster, or in one without slots"};
    co_return *std::move(map);
}

} // namespace coatcheck::redis
