#pragma once
// What the servers said about themselves when last connected to.

#include "backends/backend.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace coatcheck::redis {

// How a server is set up. What it does not tell is taken for the weakest.
struct server_settings {
    bool evicts = true;
    bool append_only = false;
    bool synced = false; // appendfsync always
};

// Of all servers that keep sessions together: the weakest counts. Thread safe.
class server_facts {
public:
    // `fails_over`: a replica may take over, which lacks the last writes then.
    explicit server_facts(bool fails_over) : fails_over_(fails_over) {}

    void learn(const std::string& server, server_settings settings);

    // Which servers there are now: the others are forgotten, and nothing is known while one of them has not spoken.
    void expect(const std::set<std::string>& servers);

    tombstones ended_records() const noexcept { return forgets_ ? tombstones::best_effort : tombstones::kept; }
    bool durable() const noexcept { return durable_; }
    acknowledgement acknowledges() const;

private:
    // With mutex_ held:
    std::optional<server_settings> weakest() const; // nothing: not known yet
    void summarize();

    const bool fails_over_;

    // Every write looks at these.
    std::atomic<bool> forgets_ = true; // evicts, or fails over
    std::atomic<bool> durable_ = false;

    mutable std::mutex mutex_;
    std::map<std::string, std::optional<server_settings>> by_server_;
};

} // namespace coatcheck::redis
