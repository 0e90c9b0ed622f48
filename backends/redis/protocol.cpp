#include "backends/redis/protocol.hpp"

#include "backends/redis/reply_error.hpp"
#include "backends/transport/pipeline_definitions.hpp"

#include <array>

#include <vector>

namespace coatcheck::redis {

namespace asio = boost::asio;

acknowledgement server_facts::acknowledges() const
{
    if (!known)
        return {"not known until Redis answers", {}};
    acknowledgement a;
    if (!append_only) {
        a.means = "written to the server's memory: appendonly no";
        a.warning = "a restart of Redis loses what its last snapshot lacks, or everything; set appendonly yes";
    } else if (!synced) {
        a.means = "written to the server's log within a second: appendfsync is not always";
    } else {
        a.means = "synced to the server's disk: appendfsync always";
    }
    if (evicts)
        a.warning.append(a.warning.empty() ? "" : "; ")
            .append("Redis may evict sessions and tombstones, or does not say; set maxmemory-policy noeviction");
    return a;
}

std::optional<failure> protocol::retires(const reply& r)
{
    if (r.is_error("READONLY") || r.is_error("NOAUTH"))
        return failure_of(r.text);
    return std::nullopt;
}

awaitable<result<std::shared_ptr<stream>>> protocol::open(executor on, deadline by)
{
    auto connected = co_await connect(on, config_->server, config_->tls.get(), by);
    if (!connected)
        co_return connected.error();
    const time_limit limit(*connected, by);
    const auto greeted = co_await greet(**connected);
    if (!greeted)
        co_return greeted.error();
    co_return *std::move(connected);
}

// What a new connection says first: who we are, and what the server can promise.
awaitable<result<void>> protocol::greet(stream& connection)
{
    struct step {
        std::vector<std::string_view> words;
        enum : std::uint8_t { required, optional, fact } need;
    };
    const std::string database = std::to_string(config_->database);
    std::vector<step> steps;
    if (!config_->user.empty())
        steps.push_back({{"AUTH", config_->user, config_->password}, step::required});
    else if (!config_->password.empty())
        steps.push_back({{"AUTH", config_->password}, step::required});
    if (config_->database != 0)
        steps.push_back({{"SELECT", database}, step::required});
    steps.push_back({{"PING"}, step::required}); // refused while Redis loads, or has no master
    steps.push_back({{"CLIENT", "SETNAME", "coatcheck"}, step::optional});
    steps.push_back({{"CONFIG", "GET", "maxmemory-policy"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendonly"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendfsync"}, step::fact});
    steps.push_back({{"INFO", "memory"}, step::fact}); // for servers that let nobody see their configuration
    std::string greeting;
    for (const auto& s : steps)
        append_command(greeting, s.words);
    const auto [unsent, written] = co_await connection.async_write(greeting, as_result);
    if (unsent)
        co_return failure{errc::unavailable, "the connection to Redis broke: " + unsent.message()};

    reply_parser replies;
    std::array<char, 4096> received;
    bool keeps = false;
    bool append_only = false;
    bool synced = false;
    for (std::size_t i = 0; i < steps.size();) {
        const auto next = replies.next();
        if (!next)
            co_return next.error();
        if (!*next) {
            const auto [ec, n] = co_await connection.async_read_some(asio::buffer(received), as_result);
            if (ec)
                co_return failure{errc::unavailable, "Redis did not greet: " + ec.message()};
            replies.feed({received.data(), n});
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
    facts_->evicts = !keeps;
    facts_->append_only = append_only;
    facts_->synced = synced;
    facts_->known = true;
    co_return result<void>();
}

} // namespace coatcheck::redis

template class coatcheck::pipeline<coatcheck::redis::protocol>;
