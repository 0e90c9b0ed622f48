#include "backends/redis/route.hpp"

#include "backends/redis/reply_error.hpp"
#include "backends/redis/sentinels.hpp"
#include "backends/transport/pause.hpp"

#include <boost/asio/co_spawn.hpp>

#include <array>
#include <exception>

namespace coatcheck::redis {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

class to_server : public route {
public:
    to_server(executor on, protocol how) : pipeline_(std::make_shared<pipeline>(on, std::move(how))) {}

    void start() override { pipeline_->start(); }

    awaitable<result<reply>> execute(const command& what, effect does, deadline by) override
    {
        return pipeline_->execute(what, does, by);
    }

    awaitable<result<void>> probe(deadline by) override { return redis::probe(*pipeline_, by); }

    void abandon() noexcept override { pipeline_->abandon(); }

protected:
    std::shared_ptr<pipeline> pipeline_;
};

// A master that stood still while another was made, or that only the Sentinels cannot reach, goes on as one for seconds
// or for as long; what it is told then is lost. So the Sentinels are asked all the time, not only for a new connection.
class by_sentinels final : public to_server, public std::enable_shared_from_this<by_sentinels> {
public:
    by_sentinels(executor on, const config& settings, server_facts& facts, const std::shared_ptr<sentinels>& whom)
        : to_server(on, protocol(settings, facts, whom)), on_(on), sentinels_(whom)
    {}

    void start() override
    {
        to_server::start();
        boost::asio::co_spawn(on_, watch(shared_from_this()), [](const std::exception_ptr& e) {
            if (e)
                std::rethrow_exception(e);
        });
    }

private:
    static constexpr auto longest_pause = 500ms; // between two questions
    static constexpr auto patience = 2s;

    static awaitable<void> watch(std::shared_ptr<by_sentinels> self)
    {
        auto& whom = *self->sentinels_;
        for (;;) {
            co_await pause_at_most(longest_pause, clock::now() + 2 * longest_pause);
            const auto master = co_await whom.master_again(self->on_, clock::now() + patience);
            const auto& used = whom.connected_to();
            if (master && !used.host.empty() && (master->host != used.host || master->port != used.port))
                self->pipeline_->reconnect();
        }
    }

    executor on_;
    std::shared_ptr<sentinels> sentinels_;
};

} // namespace

std::shared_ptr<route> route_to_server(executor on, const config& settings, server_facts& facts)
{
    return std::make_shared<to_server>(on, protocol(settings, facts, settings.servers.front()));
}

std::shared_ptr<route> route_by_sentinels(executor on, const config& settings, server_facts& facts)
{
    return std::make_shared<by_sentinels>(on, settings, facts, std::make_shared<sentinels>(settings));
}

awaitable<result<void>> probe(pipeline& server, deadline by)
{
    const std::array<std::string_view, 1> words{"PING"};
    const command ping{words};
    const auto answer = co_await server.execute(ping, effect::reads, by);
    if (!answer)
        co_return answer.error();
    if (answer->what == reply::type::error)
        co_return failure_of(answer->text);
    co_return result<void>();
}

} // namespace coatcheck::redis
