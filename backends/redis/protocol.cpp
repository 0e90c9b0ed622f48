#include "backends/redis/protocol.hpp"

#include "backends/redis/conversation.hpp"
#include "backends/redis/reply_error.hpp"
#include "backends/redis/sentinels.hpp"
#include "backends/transport/pipeline_definitions.hpp"

#include <array>
#include <vector>

namespace coatcheck::redis {

namespace {

constexpr std::array<std::string_view, 1> asking{"ASKING"};

} // namespace

protocol::protocol(const config& settings, server_facts& facts, address to)
    : config_(&settings), facts_(&facts), to_(std::move(to))
{}

protocol::protocol(const config& settings, server_facts& facts, std::shared_ptr<sentinels> whom)
    : config_(&settings), facts_(&facts), sentinels_(std::move(whom))
{}

std::size_t protocol::size(const command& c) noexcept
{
    return command_size(c.words) + (c.asking ? command_size(asking) : 0);
}

void protocol::append(std::string& out, const command& c)
{
    if (c.asking)
        append_command(out, asking);
    append_command(out, c.words);
}

std::optional<failure> protocol::retires(const reply& r)
{
    if (r.is_error("READONLY") || r.is_error("NOAUTH"))
        return failure_of(r.text);
    return std::nullopt;
}

awaitable<result<std::shared_ptr<stream>>> protocol::open(executor on, deadline by)
{
    if (sentinels_) {
        auto master = co_await sentinels_->master(on, by);
        if (!master)
            co_return master.error();
        to_ = *std::move(master);
    }
    auto connected = co_await connect(on, to_, config_->tls.get(), by);
    if (!connected)
        co_return connected.error();
    const time_limit limit(*connected, by);
    conversation with(*connected);
    const auto greeted = co_await greet(with);
    if (!greeted)
        co_return greeted.error();
    if (sentinels_)
        sentinels_->connected_to(to_);
    co_return *std::move(connected);
}

// What a new connection says first: who we are, and what the server can promise.
awaitable<result<void>> protocol::greet(conversation& with)
{
    struct step {
        std::vector<std::string_view> words;
        enum : std::uint8_t { login, required, role, optional, fact } need;
    };
    const std::string database = std::to_string(config_->database);
    std::string greeting;
    append_login(greeting, config_->login);
    std::vector<step> steps;
    if (!greeting.empty())
        steps.push_back({{}, step::login});
    if (config_->database != 0)
        steps.push_back({{"SELECT", database}, step::required});
    steps.push_back({{"PING"}, step::required}); // refused while Redis loads, or has no master
    if (sentinels_)
        steps.push_back({{"ROLE"}, step::role});
    steps.push_back({{"CLIENT", "SETNAME", "coatcheck"}, step::optional});
    steps.push_back({{"CONFIG", "GET", "maxmemory-policy"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendonly"}, step::fact});
    steps.push_back({{"CONFIG", "GET", "appendfsync"}, step::fact});
    steps.push_back({{"INFO", "memory"}, step::fact}); // for servers that let nobody see their configuration
    for (const auto& s : steps)
        if (!s.words.empty())
            append_command(greeting, s.words);
    if (const auto sent = co_await with.send(greeting); !sent)
        co_return sent.error();

    server_settings settings;
    for (const auto& s : steps) {
        const auto answer = co_await with.receive();
        if (!answer)
            co_return answer.error();
        const reply& r = *answer;
        if (r.what == reply::type::error) {
            if (s.need == step::login)
                co_return login_refused("Redis");
            if (s.need == step::required || s.need == step::role)
                co_return failure{errc::unavailable, failure_of(r.text).detail};
        } else if (s.need == step::role && (r.elements.empty() || r.elements[0].text != "master")) {
            co_return failure{errc::unavailable, "the Sentinel names " + to_.host + ":" + std::to_string(to_.port) +
                                                     ", which is no master at the moment"};
        }
        const auto says = [&r](std::string_view name, std::string_view value) {
            return r.elements.size() == 2 && r.elements[0].text == name && r.elements[1].text == value;
        };
        const bool keeps =
            says("maxmemory-policy", "noeviction") ||
            (r.what == reply::type::string && r.text.find("maxmemory_policy:noeviction") != std::string_view::npos);
        settings.evicts = settings.evicts && !keeps;
        settings.append_only = settings.append_only || says("appendonly", "yes");
        settings.synced = settings.synced || says("appendfsync", "always");
    }
    // Sentinels know one master: what the one before it said does not count.
    facts_->learn(sentinels_ ? config_->master : to_.host + ":" + std::to_string(to_.port), settings);
    co_return result<void>();
}

} // namespace coatcheck::redis

template class coatcheck::pipeline<coatcheck::redis::protocol>;
