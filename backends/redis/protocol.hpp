#pragma once
// Redis as a pipeline sees it: how a connection begins, what its commands and replies are.

#include "backends/backend.hpp"
#include "backends/redis/redis_config.hpp"
#include "backends/redis/resp.hpp"
#include "backends/transport/pipeline.hpp"

#include <atomic>
#include <span>
#include <string_view>

namespace coatcheck::redis {

// What the server said about itself when last connected to. Thread safe.
struct server_facts {
    std::atomic<bool> known{false};
    std::atomic<bool> evicts{true};
    std::atomic<bool> append_only{false};
    std::atomic<bool> synced{false}; // appendfsync always

    bool durable() const noexcept { return append_only && synced; }
    acknowledgement acknowledges() const;
};

class protocol {
public:
    static constexpr std::string_view server = "Redis";
    static constexpr std::size_t max_command = max_reply;

    using command = std::span<const std::string_view>;
    using reply = redis::reply;
    using parser = reply_parser;

    // `settings` and `facts` must outlive the executor's work.
    protocol(const config& settings, server_facts& facts) : config_(&settings), facts_(&facts) {}

    static std::size_t size(command words) noexcept { return command_size(words); }
    static void append(std::string& out, command words) { append_command(out, words); }

    awaitable<result<std::shared_ptr<stream>>> open(executor on, deadline by);

    // A new connection may lead to the new master, or says the password that has been set since.
    static std::optional<failure> retires(const reply& r);

private:
    awaitable<result<void>> greet(stream& connection);

    const config* config_;
    server_facts* facts_;
};

using pipeline = coatcheck::pipeline<protocol>;

} // namespace coatcheck::redis

extern template class coatcheck::pipeline<coatcheck::redis::protocol>;
