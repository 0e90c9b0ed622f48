#include "backends/sqlite/sessions_table.hpp"

#include <limits>

namespace coatcheck::sqlite {

namespace {

constexpr std::int64_t format = 1;

// In the order of the columns below.
enum column : int {
    format_at,
    kind_at,
    revision_at,
    version_at,
    created_at,
    last_seen_at,
    expires_at,
    absolute_end_at,
    keep_until_at,
    locked_until_at,
    lock_token_at,
    idle_at,
    subject_at,
    label_at,
    payload_at,
};

const std::string head_columns =
    "format, kind, revision, version, created, last_seen, expires, absolute_end, keep_until, locked_until, lock_token, "
    "idle, subject, label";
const std::string find_sql = "SELECT " + head_columns + " FROM sessions WHERE handle = ?";
const std::string load_sql = "SELECT " + head_columns + ", payload FROM sessions WHERE handle = ?";
const std::string store_sql =
    "INSERT INTO sessions (" + head_columns +
    ", payload, handle) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT (handle) DO UPDATE SET (" +
    head_columns +
    ", payload) = (excluded.format, excluded.kind, "
    "excluded.revision, excluded.version, excluded.created, excluded.last_seen, excluded.expires, "
    "excluded.absolute_end, excluded.keep_until, excluded.locked_until, excluded.lock_token, excluded.idle, "
    "excluded.subject, excluded.label, excluded.payload)";
const std::string set_head_sql =
    "UPDATE sessions SET (" + head_columns + ") = (?,?,?,?,?,?,?,?,?,?,?,?,?,?) WHERE handle = ?";
const std::string extend_sql =
    "UPDATE sessions SET revision = ?, last_seen = ?, expires = ?, keep_until = ? WHERE handle = ?";
// Only rows of a format that this release understands: what keep_until means in a later one is not known.
const std::string sweep_sql =
    "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE keep_until <= ? AND format = 1 LIMIT ?)";

std::int64_t ms(time_point t) noexcept
{
    return t.time_since_epoch().count();
}

// SQLite's integers are signed; the same 64 bits.
std::int64_t as_signed(std::uint64_t bits) noexcept
{
    return static_cast<std::int64_t>(bits);
}

result<time_point> time_in(const statement& row, column at)
{
    const std::int64_t value = row.integer(at);
    if (value < 0 || value > ms(never))
        return failure{errc::corrupt, "sqlite: a time out of range in column " + std::to_string(at)};
    return time_point{std::chrono::milliseconds{value}};
}

result<head> head_in(const statement& row)
{
    const std::int64_t written_as = row.integer(format_at);
    if (written_as > format)
        return failure{errc::newer_format, "sqlite: record format " + std::to_string(written_as)};
    const std::int64_t what = row.integer(kind_at);
    const std::int64_t idle = row.integer(idle_at);
    if (written_as != format || what < static_cast<int>(kind::live) || what > static_cast<int>(kind::pending) ||
        idle < 0 || idle > std::numeric_limits<std::uint32_t>::max())
        return failure{errc::corrupt, "sqlite: a row that is no record"};

    head h;
    h.what = static_cast<kind>(what);
    h.revision = static_cast<std::uint64_t>(row.integer(revision_at));
    h.data_version.bits = static_cast<std::uint64_t>(row.integer(version_at));
    struct {
        column at;
        time_point& to;
    } const times[] = {{created_at, h.created},       {last_seen_at, h.last_seen},
                       {expires_at, h.expires},       {absolute_end_at, h.absolute_end},
                       {keep_until_at, h.keep_until}, {locked_until_at, h.locked_until}};
    for (const auto& [at, to] : times) {
        const auto t = time_in(row, at);
        if (!t)
            return t.error();
        to = *t;
    }
    h.lock_token = static_cast<std::uint64_t>(row.integer(lock_token_at));
    h.idle = std::chrono::seconds{idle};
    h.subject = row.bytes(subject_at);
    h.label = row.bytes(label_at);
    return h;
}

// The head's columns, in their order.
statement& bind_head(statement& to, const head& about)
{
    return to.bind(format)
        .bind(static_cast<std::int64_t>(about.what))
        .bind(as_signed(about.revision))
        .bind(as_signed(about.data_version.bits))
        .bind(ms(about.created))
        .bind(ms(about.last_seen))
        .bind(ms(about.expires))
        .bind(ms(about.absolute_end))
        .bind(ms(about.keep_until))
        .bind(ms(about.locked_until))
        .bind(as_signed(about.lock_token))
        .bind(about.idle.count())
        .bind_text(about.subject)
        .bind_text(about.label);
}

const head* pointer(const std::optional<head>& h) noexcept
{
    return h ? &*h : nullptr;
}

} // namespace

sessions_table::sessions_table(connection& db)
    : db_(db), find_(db, find_sql), store_(db, store_sql), set_head_(db, set_head_sql), extend_(db, extend_sql),
      sweep_(db, sweep_sql)
{}

result<std::optional<head>> sessions_table::find(const handle& name, time_point now)
{
    const use scope(find_);
    const int code = find_.bind_text(name.str()).step();
    if (code == SQLITE_DONE)
        return std::nullopt;
    if (code != SQLITE_ROW)
        return db_.failed(code, "reading a head");
    auto h = head_in(find_);
    if (!h)
        return h.error();
    return h->keep_until > now ? std::optional(std::move(*h)) : std::nullopt;
}

result<void> sessions_table::store(const handle& name, const head& about, std::string_view payload)
{
    const use scope(store_);
    const int code = bind_head(store_, about).bind_blob(payload).bind_text(name.str()).step();
    if (code != SQLITE_DONE)
        return db_.failed(code, "storing a record");
    return {};
}

result<void> sessions_table::set_head(const handle& name, const head& about)
{
    const use scope(set_head_);
    const int code = bind_head(set_head_, about).bind_text(name.str()).step();
    if (code != SQLITE_DONE)
        return db_.failed(code, "storing a head");
    return {};
}

result<write> sessions_table::put(const handle& name, const head_changes& changes, std::string_view payload,
                                  const precondition& when, time_point now)
{
    auto found = find(name, now);
    if (!found)
        return found.error();
    const head* stored = pointer(*found);
    if (const auto why = refusal(stored, when, changes, now))
        return write{write::outcome::refused, *why, stored != nullptr ? *stored : head{}};
    head next = apply(stored, changes, now);
    if (auto done = store(name, next, payload); !done)
        return done.error();
    return write{stored != nullptr ? write::outcome::replaced : write::outcome::created, {}, std::move(next)};
}

result<write> sessions_table::swap(const handle& name, const std::optional<head>& seen, const head& next,
                                   const std::optional<std::string>& payload, time_point now)
{
    const auto found = find(name, now);
    const bool unreadable = !found && is_unreadable(found.error().code);
    if (!found && !unreadable)
        return found.error();
    if (unreadable || found->has_value() != seen.has_value() || (seen && !is_unchanged(*seen, **found)))
        return write{write::outcome::refused, errc::precondition_failed, {}};
    const auto done = seen && !payload ? set_head(name, next) : store(name, next, payload.value_or(""));
    if (!done)
        return done.error();
    return write{write::outcome::replaced, {}, next};
}

result<write> sessions_table::end(const handle& name, time_point now, time_point keep_until)
{
    const auto found = find(name, now);
    const bool unreadable = !found && is_unreadable(found.error().code);
    if (!found && !unreadable)
        return found.error();
    // A logout sticks whatever there was, and every release reads a tombstone.
    const head* before = unreadable ? nullptr : pointer(*found);
    if (before == nullptr || before->what != kind::alias)
        if (auto done = store(name, tombstone(before, now, keep_until), {}); !done)
            return done.error();
    return before != nullptr ? write{write::outcome::replaced, {}, *before} : write{write::outcome::created, {}, {}};
}

result<write> sessions_table::extend(const handle& name, std::chrono::milliseconds keep_after_end, time_point now)
{
    auto found = find(name, now);
    if (!found)
        return found.error();
    const head* stored = pointer(*found);
    if (stored == nullptr)
        return write{write::outcome::refused, errc::not_found, {}};
    if (!is_live(*stored, now) || !needs_extension(*stored, now))
        return write{write::outcome::replaced, {}, *stored};
    head next = extended(*stored, keep_after_end, now);
    const use scope(extend_);
    const int code = extend_.bind(as_signed(next.revision))
                         .bind(ms(next.last_seen))
                         .bind(ms(next.expires))
                         .bind(ms(next.keep_until))
                         .bind_text(name.str())
                         .step();
    if (code != SQLITE_DONE)
        return db_.failed(code, "extending a record");
    return write{write::outcome::replaced, {}, std::move(next)};
}

result<write> sessions_table::touch()
{
    static const handle nobody(std::string(handle::length, '_'));
    auto found = find(nobody, {});
    if (!found)
        return found.error();
    return write{write::outcome::replaced, {}, {}};
}

result<int> sessions_table::sweep(time_point now, int at_most)
{
    const use scope(sweep_);
    if (const int code = sweep_.bind(ms(now)).bind(at_most).step(); code != SQLITE_DONE)
        return db_.failed(code, "removing expired records");
    return sqlite3_changes(db_.get());
}

record_reader::record_reader(const std::filesystem::path& file) : db_(file, access::read_only), load_(db_, load_sql) {}

result<std::optional<record>> record_reader::load(const handle& name)
{
    const use scope(load_);
    const int code = load_.bind_text(name.str()).step();
    if (code == SQLITE_DONE)
        return std::nullopt;
    if (code != SQLITE_ROW)
        return db_.failed(code, "reading a record");
    auto h = head_in(load_);
    if (!h)
        return h.error();
    return std::optional(record{std::move(*h), std::string(load_.bytes(payload_at))});
}

} // namespace coatcheck::sqlite
