// What a new connection says first: who we are, and what the server can promise.

#include "backends/redis/pipeline.hpp"

#include "backends/redis/reply_error.hpp"

#include <vector>

namespace coatcheck::redis {

namespace asio = boost::asio;

awaitable<result<void>> pipeline::greet(link& l)
{
    struct step {
        std::vector<std::string_view> words;
        enum : std::uint8_t { required, optional, fact } need;
    };
    const std::string database = std::to_string(config_.database);
    std::vector<step> steps;
    if (!config_.user.empty())
        steps.push_back({{"AUTH", config_.user, config_.password}, step::required});
    else if (!config_.password.empty())
        steps.push_back({{"AUTH", config_.password}, step::required});
    if (config_.database != 0)
        steps.push_back({{"SELECT", database}, step::required});
    steps.push_back({{"PING"}, step::required}); // refused while Redis loads, or has no master
    steps.push_back({{"CLIENT", "SETNAME", "coatcheck"}, step::optional});
    steps.push_back({{"CONFIG", "GET", "maxmemory-policy"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendonly"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendfsync"}, step::fact});
    steps.push_back({{"INFO", "memory"}, step::fact}); // for servers that let nobody see their configuration
    for (const auto& s : steps)
        append_command(l.sending, s.words);
    const auto [unsent, written] = co_await l.connection->async_write(l.sending, as_result);
    l.sending.clear();
    if (unsent)
        co_return failure{errc::unavailable, "the connection to Redis broke: " + unsent.message()};

    bool keeps = false;
    bool append_only = false;
    bool synced = false;
    for (std::size_t i = 0; i < steps.size();) {
        const auto next = l.replies.next();
        if (!next)
            co_return next.error();
        if (!*next) {
            const auto [ec, n] = co_await l.connection->async_read_some(asio::buffer(l.received), as_result);
            if (ec)
                co_return failure{errc::unavailable, "Redis did not greet: " + ec.message()};
            l.replies.feed({l.received.data(), n});
            continue;
        }
        const reply& r = **next;
        const auto& s = steps[i++];
        if (s.need == step::required && r.what == reply::type::error) {
            // Its words may be the password, which an old or strange server repeats.
            co_return failure{errc::unavailable, s.words[0] == "AUTH" ? "Redis refuses the user or the password"
                                                                      : failure_of(r.text).detail};
        }
        const auto says = [&r](std::string_view name, std::string_view value) {
            return r.elements.size() == 2 && r.elements[0].text == name && r.elements[1].text == value;
        };
        keeps = keeps || says("maxmemory-policy", "noeviction") ||
                (r.what == reply::type::string && r.text.find("maxmemory_policy:noeviction") != std::string_view::npos);
        append_only = append_only || says("appendonly", "yes");
        synced = synced || says("appendfsync", "always");
    }
    facts_.evicts = !keeps;
    facts_.durable = append_only && synced;
    co_return result<void>();
}

} // namespace coatcheck::redis
