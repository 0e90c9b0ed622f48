#pragma once
// The Sentinels of a URL, as one thread asks them for the master.
// https://redis.io/docs/latest/develop/reference/sentinel-clients/

#include "backends/redis/redis_config.hpp"
#include "backends/transport/runtime.hpp"
#include "proto/error.hpp"

#include <memory>
#include <vector>

namespace coatcheck::redis {

class conversation;

// Belongs to one thread.
class sentinels {
public:
    // `settings` must outlive the executor's work.
    explicit sentinels(const config& settings);
    ~sentinels();

    // Where the master is, by the first that knows; the one that answered last is asked first.
    awaitable<result<address>> master(executor on, deadline by);

    // The same for one who asks all the time, by turns: over a connection that is kept while it works.
    awaitable<result<address>> master_again(executor on, deadline by);

    // The server that the thread's commands go to; its host is empty before there was one.
    void connected_to(address server) { connected_to_ = std::move(server); }
    const address& connected_to() const noexcept { return connected_to_; }

private:
    using talk = std::unique_ptr<conversation>;

    awaitable<result<address>> search(executor on, deadline by, talk& found);
    awaitable<result<address>> ask(conversation& with, deadline by);

    const config* config_;
    std::vector<address> order_;
    talk kept_;
    address connected_to_;
};

} // namespace coatcheck::redis
