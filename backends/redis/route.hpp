#pragma once
// The servers of a URL, as one thread reaches them.

#include "backends/redis/protocol.hpp"
#include "backends/redis/server_facts.hpp"

#include <memory>

namespace coatcheck::redis {

// Belongs to the thread of its executor, except for its construction, start and abandon.
class route {
public:
    virtual ~route() = default;

    // Begins to connect. Once.
    virtual void start() = 0;

    // As pipeline::execute, by a server that keeps the command's key.
    virtual awaitable<result<reply>> execute(const command& what, effect does, deadline by) = 0;

    // Whether all of them answer.
    virtual awaitable<result<void>> probe(deadline by) = 0;

    // As pipeline::abandon.
    virtual void abandon() noexcept = 0;
};

// `settings` and `facts` must outlive the executor's work.
std::shared_ptr<route> route_to_server(executor on, const config& settings, server_facts& facts);
std::shared_ptr<route> route_by_sentinels(executor on, const config& settings, server_facts& facts);
std::shared_ptr<route> route_into_cluster(executor on, const config& settings, server_facts& facts);

// PING.
awaitable<result<void>> probe(pipeline& server, deadline by);

} // namespace coatcheck::redis
