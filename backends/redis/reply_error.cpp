#include "backends/redis/reply_error.hpp"

#include <array>
#include <string>

namespace coatcheck::redis {

namespace {

struct row {
    std::string_view starts_with;
    errc code;
    std::string_view meaning;
};

constexpr std::string_view cluster = "this is a node of a Redis Cluster, which is reached by redis+cluster://";

constexpr auto rows = std::to_array<row>({
    {"OOM", errc::full, "Redis has reached its maxmemory and evicts nothing"},
    {"WRONGTYPE", errc::corrupt, "the key holds no string"},
    {"READONLY", errc::unavailable, "this Redis is a replica"},
    {"LOADING", errc::unavailable, "Redis loads its data"},
    {"MASTERDOWN", errc::unavailable, "this Redis is a replica and has lost its master"},
    {"NOREPLICAS", errc::unavailable, "Redis has fewer replicas than its min-replicas-to-write"},
    {"MISCONF", errc::unavailable, "Redis cannot save to its disk and refuses writes"},
    {"BUSY", errc::unavailable, "Redis runs a script that does not end"},
    {"NOAUTH", errc::unavailable, "Redis wants a password"},
    {"WRONGPASS", errc::unavailable, "Redis refuses the user or the password"},
    {"NOPERM", errc::unavailable, "the Redis user may not do this (its ACL)"},
    {"ERR The user executing the script", errc::unavailable, "the Redis user may not do this (its ACL)"},
    {"ERR ACL failure in script", errc::unavailable, "the Redis user may not do this (its ACL)"}, // Redis 8
    {"MOVED", errc::unavailable, cluster},
    {"ASK", errc::unavailable, cluster},
    {"CLUSTERDOWN", errc::unavailable, "the Redis Cluster is down"},
    {"TRYAGAIN", errc::unavailable, "the Redis Cluster moves the slot"},
});

} // namespace

failure failure_of(std::string_view error_text)
{
    // Until release 7, "ERR Error running script (call to f_…): @user_script:1: @user_script: 1: -OOM command …".
    if (error_text.starts_with("ERR Error running script")) {
        if (const auto inner = error_text.find(": -"); inner != std::string_view::npos)
            error_text.remove_prefix(inner + 3);
    }
    // "ERR unknown command 'X', with args beginning with: …" repeats them.
    const auto text = error_text.substr(0, error_text.find(", with args"));
    for (const auto& r : rows)
        if (text.starts_with(r.starts_with))
            return {r.code, r.code == errc::corrupt ? std::string(r.meaning)
                                                    : std::string(r.meaning).append(": ").append(text)};
    return {errc::internal, std::string("Redis answers ").append(text)};
}

} // namespace coatcheck::redis
