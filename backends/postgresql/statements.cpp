#include "backends/postgresql/statements.hpp"

#include <boost/endian/conversion.hpp>

#include <array>
#include <charconv>

namespace coatcheck::postgresql {

namespace {

// pg_type.dat's numbers, which are for ever.
constexpr unsigned type_bytea = 17;
constexpr unsigned type_int8 = 20;
constexpr unsigned type_text = 25;

// "CCK1"; the advisory lock of who makes the table (1) and of who sweeps (2).
constexpr std::string_view lock_of_makers = "1128483633, 1";
constexpr std::string_view lock_of_sweepers = "1128483633, 2";

constexpr std::string_view head_columns = "format, kind, revision, version, created, last_seen, expires, absolute_end, "
                                          "keep_until, locked_until, lock_token, idle, subject, label";

std::string in_quotes(std::string_view text)
{
    return "'" + std::string(text) + "'";
}

// A name that belongs to the table, in the same schema.
std::string named_after(const std::string& table, std::string_view suffix)
{
    std::string name = table.substr(table.rfind('.') + 1);
    name.pop_back();
    return name.append(suffix).append("\"");
}

std::string table_sql(const std::string& t)
{
    // What does not change from one write to the next of the same ten minutes is indexed, so that most updates of a
    // session that is in use touch no index and are pruned with the page (HOT).
    return "CREATE TABLE IF NOT EXISTS " + t + R"( (
    handle       text COLLATE "C" PRIMARY KEY,
    revision     bigint NOT NULL,
    version      bigint NOT NULL,
    created      bigint NOT NULL, -- this and all times: milliseconds since 1970, UTC
    last_seen    bigint NOT NULL,
    expires      bigint NOT NULL,
    absolute_end bigint NOT NULL,
    keep_until   bigint NOT NULL,
    locked_until bigint NOT NULL,
    lock_token   bigint NOT NULL,
    idle         bigint NOT NULL, -- seconds
    sweep_slot   bigint GENERATED ALWAYS AS (keep_until / 600000) STORED,
    format       smallint NOT NULL,
    kind         smallint NOT NULL, -- 1 live, 2 ended, 3 alias, 4 pending
    subject      bytea NOT NULL,
    label        bytea NOT NULL,
    payload      bytea NOT NULL, -- MessagePack
    CONSTRAINT )" +
           named_after(t, "_sound") + R"( CHECK (format > 1 OR (format = 1 AND kind BETWEEN 1 AND 4
        AND revision > 0 AND idle BETWEEN 0 AND 4294967295
        AND least(created, last_seen, expires, absolute_end, keep_until, locked_until) >= 0
        AND greatest(created, last_seen, expires, absolute_end, keep_until, locked_until) <= 9007199254740991))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE )" +
           t + R"( ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX IF NOT EXISTS )" +
           named_after(t, "_sweep") + " ON " + t + " (sweep_slot);\n";
}

// One statement, so that it is done as a whole or not at all; those who come second find it done.
std::string make_table_sql(const std::string& table)
{
    return "DO $make$ BEGIN PERFORM pg_advisory_xact_lock(" + std::string(lock_of_makers) + ");\nIF to_regclass(" +
           in_quotes(table) + ") IS NULL THEN\n" + table_sql(table) + "END IF; END $make$";
}

// A statement that changes at most one row and answers its head, or else the head that it saw.
std::string head_after(const std::string& change, const std::string& table)
{
    const std::string columns(head_columns);
    return "WITH written AS (" + change + " RETURNING " + columns + ") SELECT true, " + columns +
           " FROM written UNION ALL SELECT false, " + columns + " FROM " + table +
           " WHERE handle = $1 AND NOT EXISTS (SELECT FROM written)";
}

// The parameters of a put:
//  $1 handle  $2 version  $3 now  $4 how long to keep it past its end
//  $5 to $8 of a creation: idle, absolute end, expires, keep until
//  $9 subject  $10 label  $11 payload  $12 idle, $13 absolute timeout in ms: NULL is what is not sent
//  $14 the version or the revision that is asked for  $15 the epoch  $16 the writer's lock token, or NULL
constexpr std::string_view put_types = "tiiiiiiibbbiiiii";

const std::string insert_values = R"( AS s (handle, format, kind, revision, version, created, last_seen, expires,
 absolute_end, keep_until, locked_until, lock_token, idle, subject, label, payload)
 VALUES ($1, 1, 1, 1, $2, $3, $3, $7, $6, $8, 0, 0, $5, coalesce($9, ''), coalesce($10, ''), $11))";

// `s` is the row; is_live, is_locked_against and next_expiry.
const std::string is_open = "s.format = 1 AND s.kind = 1 AND s.expires > $3 AND s.keep_until > $3 AND s.created >= $15 "
                            "AND CASE WHEN $16::bigint IS NULL THEN s.locked_until <= $3 ELSE s.lock_token = $16 END";
const std::string expires_after =
    "greatest($3, least($3 + coalesce($12, s.idle) * 1100, coalesce(s.created + $13, s.absolute_end)))";

const std::string set_replaced = " SET revision = s.revision + 1, version = $2, last_seen = $3, idle = "
                                 "coalesce($12, s.idle), absolute_end = coalesce(s.created + $13, s.absolute_end), "
                                 "expires = " +
                                 expires_after + ", keep_until = " + expires_after +
                                 " + $4, subject = coalesce($9, s.subject), label = coalesce($10, s.label), payload = "
                                 "$11";

std::string upsert_sql(const std::string& t)
{
    return head_after(
        "INSERT INTO " + t + insert_values + " ON CONFLICT (handle) DO UPDATE" + set_replaced + " WHERE " + is_open, t);
}

std::string create_sql(const std::string& t)
{
    return head_after("INSERT INTO " + t + insert_values + " ON CONFLICT (handle) DO NOTHING", t);
}

std::string replace_sql(const std::string& t, const std::string& and_that)
{
    return head_after("UPDATE " + t + " AS s" + set_replaced + " WHERE s.handle = $1 AND " + is_open + and_that, t);
}

// $1 handle  $2 now  $3 the revision and $4 the version that were read, for swap_sql alone  $5 payload: NULL keeps it
// From $6 on the columns of the head but the format.
constexpr std::string_view swap_types = "tiiibiiiiiiiiiiibb";

std::string swap_sql(const std::string& t)
{
    return "UPDATE " + t + R"( AS s SET kind = $6, revision = $7, version = $8, created = $9, last_seen = $10,
 expires = $11, absolute_end = $12, keep_until = $13, locked_until = $14, lock_token = $15, idle = $16, subject = $17,
 label = $18, payload = coalesce($5, s.payload)
 WHERE s.handle = $1 AND s.format = 1 AND s.keep_until > $2 AND s.revision = $3 AND s.version = $4)";
}

// Where there is nothing, or what may be forgotten.
std::string swap_in_sql(const std::string& t)
{
    return "INSERT INTO " + t + R"( AS s (handle, format, kind, revision, version, created, last_seen, expires,
 absolute_end, keep_until, locked_until, lock_token, idle, subject, label, payload)
 VALUES ($1, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, coalesce($5, ''))
 ON CONFLICT (handle) DO UPDATE SET kind = $6, revision = $7, version = $8, created = $9, last_seen = $10,
 expires = $11, absolute_end = $12, keep_until = $13, locked_until = $14, lock_token = $15, idle = $16, subject = $17,
 label = $18, payload = coalesce($5, '')
 WHERE s.format = 1 AND s.keep_until <= $2 AND $3::bigint IS NULL AND $4::bigint IS NULL)";
}

// $1 handle  $2 now  $3 how long to keep it past its end
std::string extend_sql(const std::string& t)
{
    const std::string expires = "greatest($2, least($2 + s.idle * 1100, s.absolute_end))";
    return head_after("UPDATE " + t + " AS s SET revision = s.revision + 1, last_seen = $2, expires = " + expires +
                          ", keep_until = " + expires +
                          " + $3 WHERE s.handle = $1 AND s.format = 1 AND s.kind = 1 AND s.expires > $2 AND "
                          "s.expires - $2 < s.idle * 1000 AND s.expires < s.absolute_end",
                      t);
}

// $1 handle  $2 now  $3 keep until. Over a row of any format: a logout sticks, and every release reads a tombstone.
// Answers whether it did, and the head of the row as it was when the statement began.
std::string end_sql(const std::string& t)
{
    return "WITH ended AS (INSERT INTO " + t +
           R"( AS s (handle, format, kind, revision, version, created, last_seen, expires,
 absolute_end, keep_until, locked_until, lock_token, idle, subject, label, payload)
 VALUES ($1, 1, 2, 1, 0, $2, $2, $2, 9007199254740991, $3, 0, 0, 0, '', '', '')
 ON CONFLICT (handle) DO UPDATE SET format = 1, kind = 2,
 revision = CASE WHEN s.format = 1 AND s.keep_until > $2 THEN s.revision + 1 ELSE 1 END, version = 0,
 created = CASE WHEN s.format = 1 AND s.keep_until > $2 THEN s.created ELSE $2 END, last_seen = $2, expires = $2,
 absolute_end = 9007199254740991,
 keep_until = CASE WHEN s.format = 1 AND s.keep_until > $2 AND s.kind = 2 THEN greatest(s.keep_until, $3) ELSE $3 END,
 locked_until = 0, lock_token = 0, idle = 0, subject = '', label = '', payload = ''
 WHERE NOT (s.format = 1 AND s.kind = 3 AND s.keep_until > $2) RETURNING handle)
SELECT EXISTS (SELECT FROM ended), )" +
           std::string(head_columns) + " FROM " + t + " WHERE handle = $1";
}

// The same as far as a full disk lets it: what stays in its page and in no other slot needs room in no file, so the
// tombstone is kept as long as the session would have been.
std::string end_in_place_sql(const std::string& t)
{
    return "UPDATE " + t + R"( AS s SET kind = 2, revision = s.revision + 1, version = 0, last_seen = $2, expires = $2,
 absolute_end = 9007199254740991, keep_until = greatest(s.keep_until, $3), locked_until = 0, lock_token = 0, idle = 0,
 subject = '', label = '', payload = '' WHERE s.handle = $1 AND s.format = 1 AND s.kind <> 3 AND s.keep_until > $2)";
}

// $1 now  $2 how many at most. Only rows of a format that this release understands: what keep_until means in a later
// one is not known. Who else sweeps has the lock until its statement is over, and rows that are being written stay.
std::string sweep_sql(const std::string& t)
{
    return "DELETE FROM " + t + " WHERE ctid = ANY (ARRAY(SELECT ctid FROM " + t +
           " WHERE (SELECT pg_try_advisory_xact_lock(" + std::string(lock_of_sweepers) +
           ")) AND sweep_slot <= $1 / 600000 AND keep_until <= $1 AND format = 1 LIMIT $2 FOR UPDATE SKIP LOCKED))";
}

// FNV-1a, in hex.
std::string digest(std::string_view text)
{
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const unsigned char c : text)
        hash = (hash ^ c) * 0x100000001b3;
    std::array<char, 16> hex;
    return {hex.data(), std::to_chars(hex.data(), hex.data() + hex.size(), hash, 16).ptr};
}

std::int64_t ms(time_point t) noexcept
{
    return t.time_since_epoch().count();
}

} // namespace

statement::statement(std::string sql, std::string_view letters) : name("coatcheck_" + digest(sql)), text(std::move(sql))
{
    for (const char c : letters)
        types.push_back(c == 't' ? type_text : c == 'i' ? type_int8 : type_bytea);
}

parameters& parameters::text(std::string_view value)
{
    places_.push_back({bytes_.size(), value.size(), false});
    bytes_.append(value);
    return *this;
}

parameters& parameters::integer(std::int64_t value)
{
    boost::endian::native_to_big_inplace(value);
    return text({reinterpret_cast<const char*>(&value), sizeof value});
}

parameters& parameters::null()
{
    places_.push_back({bytes_.size(), 0, true});
    return *this;
}

const char* parameters::value(std::size_t i) const noexcept
{
    return places_[i].is_null ? nullptr : bytes_.data() + places_[i].at;
}

statements::statements(const std::string& t)
    : load("SELECT false, " + std::string(head_columns) + ", payload FROM " + t + " WHERE handle = $1", "t"),
      look("SELECT false, " + std::string(head_columns) + " FROM " + t + " WHERE handle = $1", "t"),
      create(create_sql(t), put_types), upsert(upsert_sql(t), put_types), replace(replace_sql(t, ""), put_types),
      replace_same_version(replace_sql(t, " AND s.version = $14"), put_types),
      replace_same_revision(replace_sql(t, " AND s.revision = $14"), put_types), extend(extend_sql(t), "tii"),
      swap(swap_sql(t), swap_types), swap_in(swap_in_sql(t), swap_types), end(end_sql(t), "tii"),
      end_in_place(end_in_place_sql(t), "tii"),
      forget("DELETE FROM " + t + " WHERE handle = $1 AND format = 1 AND keep_until <= $2", "ti"),
      sweep(sweep_sql(t), "ii"), probe("SELECT FROM " + t + " WHERE handle = ''", ""), make_table(make_table_sql(t), "")
{
    make_table.name.clear();
}

const statement& statements::put(precondition when, bool may_create) const noexcept
{
    using test = precondition::test;
    switch (when.what()) {
    case test::none:
        return may_create ? upsert : replace;
    case test::absent:
        return may_create ? create : look;
    case test::exists:
        return replace;
    case test::same_version:
        return replace_same_version;
    case test::same_revision:
        break;
    }
    return replace_same_revision;
}

std::string schema(const std::string& table, const std::string& role)
{
    std::string quoted = "\"";
    for (const char c : role)
        quoted.append(c == '"' ? 2 : 1, c);
    const std::string grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + " TO ";
    return table_sql(table) + (role.empty() ? "-- " + grant + "the daemons' role;\n" : grant + quoted + "\";\n");
}

parameters look_parameters(const handle& name)
{
    return parameters().text(name.str());
}

parameters put_parameters(const handle& name, const head& created, const head_changes& changes,
                          std::string_view payload, precondition when, time_point now)
{
    parameters p;
    p.text(name.str()).integer(static_cast<std::int64_t>(changes.next.bits)).integer(ms(now));
    p.integer(changes.keep_after_end.count()).integer(created.idle.count()).integer(ms(created.absolute_end));
    p.integer(ms(created.expires)).integer(ms(created.keep_until));
    for (const auto& text : {changes.subject, changes.label})
        text ? p.bytes(*text) : p.null();
    p.bytes(payload);
    changes.idle ? p.integer(changes.idle->count()) : p.null();
    changes.absolute ? p.integer(std::chrono::milliseconds(*changes.absolute).count()) : p.null();
    p.integer(static_cast<std::int64_t>(when.value())).integer(ms(changes.epoch));
    return changes.lock_token ? p.integer(static_cast<std::int64_t>(*changes.lock_token)) : p.null();
}

parameters swap_parameters(const handle& name, const head* seen, const head& next,
                           std::optional<std::string_view> payload, time_point now)
{
    parameters p;
    p.text(name.str()).integer(ms(now));
    if (seen != nullptr)
        p.integer(static_cast<std::int64_t>(seen->revision))
            .integer(static_cast<std::int64_t>(seen->data_version.bits));
    else
        p.null().null();
    payload ? p.bytes(*payload) : p.null();
    p.integer(static_cast<std::int64_t>(next.what)).integer(static_cast<std::int64_t>(next.revision));
    p.integer(static_cast<std::int64_t>(next.data_version.bits)).integer(ms(next.created)).integer(ms(next.last_seen));
    p.integer(ms(next.expires)).integer(ms(next.absolute_end)).integer(ms(next.keep_until));
    p.integer(ms(next.locked_until)).integer(static_cast<std::int64_t>(next.lock_token)).integer(next.idle.count());
    return p.bytes(next.subject).bytes(next.label);
}

parameters extend_parameters(const handle& name, time_point now, std::chrono::milliseconds keep_after_end)
{
    return parameters().text(name.str()).integer(ms(now)).integer(keep_after_end.count());
}

parameters end_parameters(const handle& name, time_point now, time_point keep_until)
{
    return parameters().text(name.str()).integer(ms(now)).integer(ms(keep_until));
}

parameters forget_parameters(const handle& name, time_point now)
{
    return parameters().text(name.str()).integer(ms(now));
}

parameters sweep_parameters(time_point now, int at_most)
{
    return parameters().integer(ms(now)).integer(at_most);
}

} // namespace coatcheck::postgresql
