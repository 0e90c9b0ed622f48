#include "backends/redis/sentinels.hpp"

#include "backends/redis/conversation.hpp"

#include <algorithm>
#include <charconv>

namespace coatcheck::redis {

sentinels::sentinels(const config& settings) : config_(&settings), order_(settings.servers) {}

sentinels::~sentinels() = default;

awaitable<result<address>> sentinels::master(executor on, deadline by)
{
    talk with;
    co_return co_await search(on, by, with);
}

awaitable<result<address>> sentinels::master_again(executor on, deadline by)
{
    if (kept_) {
        auto known = co_await ask(*kept_, by);
        if (known)
            co_return known;
        kept_.reset();
    }
    co_return co_await search(on, by, kept_);
}

awaitable<result<address>> sentinels::search(executor on, deadline by, talk& found)
{
    const auto order = order_; // another call may change it meanwhile
    std::string why;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= by)
            break;
        // What comes after needs a share too.
        const auto share = now + (by - now) / static_cast<long>(order.size() - i + 1);
        auto with = co_await conversation::begin(on, order[i], *config_, config_->sentinel_login, share);
        result<address> known = failure{errc::unavailable, {}};
        if (with)
            known = co_await ask(**with, share);
        else
            known = with.error();
        if (known) {
            const auto its_place = std::ranges::find_if(
                order_, [&](const address& a) { return a.host == order[i].host && a.port == order[i].port; });
            std::rotate(order_.begin(), its_place, its_place + 1);
            found = *std::move(with);
            co_return known;
        }
        why.append(why.empty() ? "" : "; ").append("Sentinel ").append(order[i].host).append(": ");
        why.append(known.error().detail);
    }
    co_return failure{errc::unavailable, std::move(why)};
}

awaitable<result<address>> sentinels::ask(conversation& with, deadline by)
{
    const auto answer = co_await with.ask({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", config_->master}, by);
    if (!answer)
        co_return answer.error();
    const auto parts = answer->elements;
    address master{.name = config_->tls_name};
    if (parts.size() == 2) {
        const auto digits = parts[1].text;
        std::from_chars(digits.data(), digits.data() + digits.size(), master.port);
        master.host = parts[0].text;
    }
    if (master.port == 0)
        co_return failure{errc::unavailable, "it knows no master '" + config_->master + "'"};
    co_return master;
}

} // namespace coatcheck::redis
