#pragma once
// Redis as a pipeline sees it: how a connection begins, what its commands and replies are.

#include "backends/redis/redis_config.hpp"
#include "backends/redis/resp.hpp"
#include "backends/redis/server_facts.hpp"
#include "backends/transport/pipeline.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace coatcheck::redis {

class conversation;
class sentinels;

struct command {
    std::span<const std::string_view> words;
    std::string_view key = {}; // the one that it is about
    bool asking = false;       // sent after ASKING: to a node of a Cluster that takes the key's slot over
};

class protocol {
public:
    static constexpr std::string_view server = "Redis";
    static constexpr std::size_t max_command = max_reply;

    using command = redis::command;
    using reply = redis::reply;
    using parser = reply_parser;

    // Of the server at `to`. `settings` and `facts` must outlive the executor's work.
    protocol(const config& settings, server_facts& facts, address to);

    // Of the master that Sentinels know.
    protocol(const config& settings, server_facts& facts, std::shared_ptr<sentinels> whom);

    static std::size_t size(const command& c) noexcept;
    static void append(std::string& out, const command& c);
    static std::size_t replies_before(const command& c) noexcept { return c.asking ? 1 : 0; }

    awaitable<result<std::shared_ptr<stream>>> open(executor on, deadline by);

    // A new connection may lead to the new master, or says the password that has been set since.
    static std::optional<failure> retires(const reply& r);

private:
    awaitable<result<void>> greet(conversation& with);

    const config* config_;
    server_facts* facts_;
    address to_;
    std::shared_ptr<sentinels> sentinels_;
};

using pipeline = coatcheck::pipeline<protocol>;

} // namespace coatcheck::redis

extern template class coatcheck::pipeline<coatcheck::redis::protocol>;
