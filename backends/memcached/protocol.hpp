#pragma once
// memcached as a pipeline sees it: what its commands and replies are, and which of its protocols a server speaks.

#include "backends/memcached/codec.hpp"
#include "backends/memcached/memcached_config.hpp"
#include "backends/memcached/server_facts.hpp"
#include "backends/transport/pipeline.hpp"

#include <memory>
#include <string_view>

namespace coatcheck::memcached {

// A refused command may be followed by refusals of its parts, so the connection ends with it.
class strict_parser {
public:
    void feed(std::string_view bytes) { replies_.feed(bytes); }
    result<std::optional<reply>> next();

private:
    reply_parser replies_;
};

class protocol {
public:
    static constexpr std::string_view server = "memcached";
    static constexpr std::size_t max_command = max_value + 4096;

    using command = memcached::command;
    using reply = memcached::reply;
    using parser = strict_parser;

    // `settings` and `facts` must outlive the executor's work. `form` is what commands have to be made for: it changes
    // while connecting, and every command that waits then is refused.
    protocol(const config& settings, const address& where, server_facts& facts, std::shared_ptr<wire> form)
        : config_(&settings), server_(&where), facts_(&facts), form_(std::move(form))
    {}

    static std::size_t size(const command& c) noexcept { return command_size(c); }
    static void append(std::string& out, const command& c) { append_command(out, c); }

    static std::uint64_t label(const command& c) noexcept;
    static bool answers(const reply& r, std::uint64_t label) noexcept;

    awaitable<result<std::shared_ptr<stream>>> open(executor on, deadline by);

    static std::optional<failure> retires(const reply&) { return std::nullopt; }

private:
    const config* config_;
    const address* server_;
    server_facts* facts_;
    std::shared_ptr<wire> form_;
};

using pipeline = coatcheck::pipeline<protocol>;

} // namespace coatcheck::memcached

extern template class coatcheck::pipeline<coatcheck::memcached::protocol>;
