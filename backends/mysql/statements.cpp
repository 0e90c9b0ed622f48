#include "backends/mysql/statements.hpp"

#include <string_view>

namespace coatcheck::mysql {

namespace {

constexpr std::string_view columns =
    "format, kind, revision, version, stamp, created, last_seen, expires, absolute_end, keep_until, locked_until, "
    "lock_token, idle, subject, label";

constexpr std::string_view assignments =
    "format = ?, kind = ?, revision = ?, version = ?, stamp = ?, created = ?, last_seen = ?, expires = ?, "
    "absolute_end = ?, keep_until = ?, locked_until = ?, lock_token = ?, idle = ?, subject = ?, label = ?";

// Whatever the server's defaults are: case matters in a handle, a payload may exceed a BLOB's 64 KiB, and times are
// numbers, since a TIMESTAMP ends in 2038 and knows time zones.
constexpr std::string_view table_of_columns = R"( (
  handle CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  format SMALLINT UNSIGNED NOT NULL,
  kind TINYINT UNSIGNED NOT NULL COMMENT '1 live, 2 ended, 3 alias, 4 pending',
  revision BIGINT UNSIGNED NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  stamp BIGINT UNSIGNED NOT NULL COMMENT 'random, new with every write of the row',
  created BIGINT NOT NULL COMMENT 'this and all times: ms since 1970, UTC',
  last_seen BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  absolute_end BIGINT NOT NULL,
  keep_until BIGINT NOT NULL,
  locked_until BIGINT NOT NULL,
  lock_token BIGINT UNSIGNED NOT NULL,
  idle INT UNSIGNED NOT NULL COMMENT 'seconds',
  subject VARBINARY(1024) NOT NULL,
  label VARBINARY(1024) NOT NULL,
  payload MEDIUMBLOB NOT NULL COMMENT 'MessagePack',
  PRIMARY KEY (handle),
  KEY keep_until (keep_until)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC)";

std::string marks(std::size_t n)
{
    std::string out = "?";
    for (std::size_t i = 1; i < n; ++i)
        out += ",?";
    return out;
}

} // namespace

statements::statements(const std::string& table)
    : create_("CREATE TABLE IF NOT EXISTS " + table + std::string(table_of_columns))
{
    const std::string head(columns);
    const std::string set(assignments);
    const auto to = [this](verb v) -> std::string& { return text_.at(static_cast<std::size_t>(v)); };
    to(verb::find) = "SELECT " + head + " FROM " + table + " WHERE handle = ?";
    to(verb::load) = "SELECT " + head + ", payload FROM " + table + " WHERE handle = ?";
    to(verb::insert) = "INSERT INTO " + table + " (" + head + ", payload, handle) VALUES (" + marks(17) + ")";
    to(verb::replace) = "UPDATE " + table + " SET " + set + ", payload = ? WHERE handle = ? AND stamp = ?";
    to(verb::replace_head) = "UPDATE " + table + " SET " + set + " WHERE handle = ? AND stamp = ?";
    to(verb::remove) = "DELETE FROM " + table + " WHERE handle = ? AND stamp = ?";
    // What keep_until means in a later format is not known.
    to(verb::expired) = "SELECT handle FROM " + table +
                        " WHERE keep_until <= ? AND format = 1 ORDER BY keep_until LIMIT " +
                        std::to_string(sweep_rows) + " FOR UPDATE SKIP LOCKED";
    // One at a time, by the primary key: where the server takes a list of them for a reason to scan the table, it waits
    // for rows that others hold.
    to(verb::forget) = "DELETE FROM " + table + " WHERE handle = ?";
}

} // namespace coatcheck::mysql
