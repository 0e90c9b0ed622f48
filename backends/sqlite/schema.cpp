#include "backends/sqlite/schema.hpp"

#include <array>
#include <stdexcept>

namespace coatcheck::sqlite {

namespace {

constexpr std::int64_t application_id = 0x43434b31; // "CCK1"; for ever

// Step i brings a file from schema i to i + 1. A release adds steps and changes none.
constexpr std::array migrations{
    // The payload comes last, so that reading a head never follows the pages that a long payload overflows to.
    R"(
    CREATE TABLE sessions (
        handle       TEXT    NOT NULL PRIMARY KEY,
        format       INTEGER NOT NULL,
        kind         INTEGER NOT NULL, -- 1 live, 2 ended, 3 alias, 4 pending
        revision     INTEGER NOT NULL,
        version      INTEGER NOT NULL,
        created      INTEGER NOT NULL, -- this and all times: milliseconds since 1970, UTC
        last_seen    INTEGER NOT NULL,
        expires      INTEGER NOT NULL,
        absolute_end INTEGER NOT NULL,
        keep_until   INTEGER NOT NULL,
        locked_until INTEGER NOT NULL,
        lock_token   INTEGER NOT NULL,
        idle         INTEGER NOT NULL, -- seconds
        subject      TEXT    NOT NULL,
        label        TEXT    NOT NULL,
        payload      BLOB    NOT NULL  -- MessagePack
    ) STRICT;
    CREATE INDEX sessions_keep_until ON sessions (keep_until);
    )",
};

} // namespace

void check_identity(connection& db, const std::string& name)
{
    const std::int64_t owner = std::stoll(db.ask("PRAGMA application_id"));
    const std::int64_t version = std::stoll(db.ask("PRAGMA user_version"));
    const bool empty = owner == 0 && version == 0 && db.ask("SELECT count(*) FROM sqlite_schema") == "0";
    if (!empty && owner != application_id)
        throw std::runtime_error("sqlite: " + name + " is another application's database; it was left as it is");
    if (version > static_cast<std::int64_t>(migrations.size()))
        throw std::runtime_error("sqlite: " + name + " has schema version " + std::to_string(version) +
                                 ", and this release knows " + std::to_string(migrations.size()) +
                                 ": start a later release, or use another file");
}

void prepare(connection& db, const std::string& name)
{
    check_identity(db, name);
    if (const auto mode = db.ask("PRAGMA journal_mode = WAL"); mode != "wal")
        throw std::runtime_error("sqlite: " + name + " cannot keep a write-ahead log; is it on a network file system?");

    db.run("BEGIN IMMEDIATE"); // another daemon may be at it too
    const auto version = static_cast<std::size_t>(std::stoll(db.ask("PRAGMA user_version")));
    for (std::size_t step = version; step < migrations.size(); ++step)
        db.run(migrations.at(step));
    if (version < migrations.size()) {
        db.run("PRAGMA application_id = " + std::to_string(application_id));
        db.run("PRAGMA user_version = " + std::to_string(migrations.size()));
    }
    db.run("COMMIT");
}

} // namespace coatcheck::sqlite
