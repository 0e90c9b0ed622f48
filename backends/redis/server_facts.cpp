#include "backends/redis/server_facts.hpp"

namespace coatcheck::redis {

void server_facts::learn(const std::string& server, server_settings settings)
{
    const std::lock_guard lock(mutex_);
    by_server_[server] = settings;
    summarize();
}

void server_facts::expect(const std::set<std::string>& servers)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(by_server_, [&](const auto& each) { return !servers.contains(each.first); });
    for (const auto& server : servers)
        by_server_.try_emplace(server);
    summarize();
}

std::optional<server_settings> server_facts::weakest() const
{
    if (by_server_.empty())
        return std::nullopt;
    server_settings all{.evicts = false, .append_only = true, .synced = true};
    for (const auto& [server, its] : by_server_) {
        if (!its)
            return std::nullopt;
        all.evicts = all.evicts || its->evicts;
        all.append_only = all.append_only && its->append_only;
        all.synced = all.synced && its->synced;
    }
    return all;
}

void server_facts::summarize()
{
    const auto all = weakest().value_or(server_settings{});
    forgets_ = all.evicts || fails_over_;
    durable_ = all.append_only && all.synced && !fails_over_;
}

acknowledgement server_facts::acknowledges() const
{
    const std::lock_guard lock(mutex_);
    const auto all = weakest();
    if (!all)
        return {"not known until Redis answers", {}};
    acknowledgement a;
    if (!all->append_only) {
        a.means = "written to the server's memory: appendonly no";
        a.warning = "a restart of Redis loses what its last snapshot lacks, or everything; set appendonly yes";
    } else if (!all->synced) {
        a.means = "written to the server's log within a second: appendfsync is not always";
    } else {
        a.means = "synced to the server's disk: appendfsync always";
    }
    if (fails_over_)
        a.means.append("; a fail-over loses what the replica has not received yet");
    if (all->evicts)
        a.warning.append(a.warning.empty() ? "" : "; ")
            .append("Redis may evict sessions and tombstones, or does not say; set maxmemory-policy noeviction");
    return a;
}

} // namespace coatcheck::redis
