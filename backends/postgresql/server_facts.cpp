#include "backends/postgresql/server_facts.hpp"

namespace coatcheck::postgresql {

bool durability::durable() const noexcept
{
    return known && fsync && synchronous_commit != "off" && !table_is_unlogged;
}

acknowledgement durability::acknowledges() const
{
    if (!known)
        return {"not known until PostgreSQL answers", {}};
    if (!fsync)
        return {"written to the server's memory: fsync off",
                "a crash of the server's machine can damage the whole database; set fsync on"};
    if (table_is_unlogged)
        return {"written to an UNLOGGED table",
                "a crash of PostgreSQL empties it, and standbys have none of it; ALTER TABLE … SET LOGGED"};
    const auto setting = "synchronous_commit " + synchronous_commit;
    if (synchronous_commit == "off")
        return {"written to the server's memory, and to its disk within a second: " + setting,
                "a crash of PostgreSQL loses the last sessions and brings back those that had just ended; set "
                "synchronous_commit to on or local for this role"};
    if (!has_synchronous_standbys)
        return {"synced to the server's disk: " + setting, {}};
    if (synchronous_commit == "local")
        return {"synced to the server's disk, without waiting for the synchronous standbys: " + setting,
                "a fail-over to a standby can lose the last sessions and bring back those that had just ended; set "
                "synchronous_commit to on for this role"};
    if (synchronous_commit == "remote_write")
        return {"synced to the server's disk, and in the memory of its synchronous standbys: " + setting, {}};
    if (synchronous_commit == "remote_apply")
        return {"synced to the disks of the server and of its synchronous standbys, and visible there: " + setting, {}};
    return {"synced to the disks of the server and of its synchronous standbys: " + setting, {}};
}

} // namespace coatcheck::postgresql
