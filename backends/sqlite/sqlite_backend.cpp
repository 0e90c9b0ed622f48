#include "backends/driver.hpp"
#include "backends/sqlite/schema.hpp"
#include "backends/sqlite/writer.hpp"

#include <stdexcept>

namespace coatcheck {

namespace {

using sqlite::sessions_table;

class sqlite_backend final : public backend {
public:
    sqlite_backend(const sqlite::config& c, runtime& threads) : durable_(c.durable), writer_(c, threads)
    {
        for (std::size_t i = 0; i < threads.threads(); ++i)
            readers_.push_back(std::make_unique<sqlite::record_reader>(c.file));
    }

    capabilities caps() const noexcept override { return {kept_by::store, tombstones::kept, durable_, std::nullopt}; }

    acknowledgement acknowledges() const override
    {
        if (durable_)
            return {"synced to the disk: synchronous=full", {}};
        return {"written to the file, not synced: synchronous=normal",
                "a power cut loses the last seconds of writes, logouts among them; leave synchronous=normal out"};
    }

    // On the calling thread: what the page cache holds is read sooner than another thread wakes up.
    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override
    {
        if (by <= std::chrono::steady_clock::now())
            co_return failure{errc::timed_out, "sqlite: the deadline had passed before the read"};
        co_return readers_[runtime::this_thread()]->load(key.name);
    }

    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override
    {
        auto work = [name = key.name, changes, bytes = std::string(payload), when, now](sessions_table& t) {
            return t.put(name, changes, bytes, when, now);
        };
        return writer_.execute(std::move(work), payload.size(), true, by);
    }

    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override
    {
        auto work = [name = key.name, seen = seen != nullptr ? std::optional(*seen) : std::nullopt, next,
                     bytes = payload ? std::optional(std::string(*payload)) : std::nullopt,
                     now](sessions_table& t) { return t.swap(name, seen, next, bytes, now); };
        const bool grows = payload && next.what != kind::ended;
        const auto done = co_await writer_.execute(std::move(work), payload ? payload->size() : 0, grows, by);
        if (!done)
            co_return done.error();
        co_return done->what != write::outcome::refused;
    }

    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override
    {
        auto work = [name = key.name, now, keep_until](sessions_table& t) { return t.end(name, now, keep_until); };
        auto done = co_await writer_.execute(std::move(work), 0, false, by);
        if (!done)
            co_return done.error();
        if (done->what == write::outcome::created)
            co_return std::nullopt;
        co_return std::optional(std::move(done->about));
    }

    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override
    {
        auto work = [name = key.name, now, keep_after_end](sessions_table& t) {
            return t.extend(name, keep_after_end, now);
        };
        auto done = co_await writer_.execute(std::move(work), 0, false, by);
        if (!done)
            co_return done.error();
        if (done->what == write::outcome::refused)
            co_return std::nullopt;
        co_return std::optional(std::move(done->about));
    }

    // By way of the writer, so that a disk that hangs shows.
    awaitable<result<void>> probe(deadline by) override
    {
        const auto done = co_await writer_.execute([](sessions_table& t) { return t.touch(); }, 0, false, by);
        if (!done)
            co_return done.error();
        co_return result<void>();
    }

private:
    bool durable_;
    sqlite::writer writer_; // closes its connection last: that one tidies the file up
    std::vector<std::unique_ptr<sqlite::record_reader>> readers_; // by thread of the runtime
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<sqlite_backend>(sqlite::parse(url), threads);
}

void check(const backend_url& url)
{
    const auto file = sqlite::parse(url).file;
    if (!std::filesystem::exists(file))
        return;
    sqlite::refuse_folder(file);
    sqlite::connection db(file, sqlite::access::read_write);
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); // looking changes nothing
    sqlite3_busy_timeout(db.get(), 10'000);
    sqlite::check_identity(db, file.string());
    sqlite::statement check(db, "PRAGMA integrity_check(5)");
    std::string findings;
    int code = check.step();
    for (; code == SQLITE_ROW; code = check.step())
        findings.append(findings.empty() ? "" : "; ").append(check.bytes(0));
    if (code != SQLITE_DONE)
        findings = db.failed(code, "checking").detail;
    if (findings != "ok")
        throw std::runtime_error("sqlite: " + file.string() + " is damaged: " + findings);
}

} // namespace

const driver sqlite_driver{
    .says = {.title = "SQLite, the default",
             .url = "`sqlite:///var/lib/coatcheck/sessions.db`",
             .survives = "a power cut (`?synchronous=normal`: a crash of the process)",
             .conditional_writes = kept_by::store,
             .tombstones = "kept",
             .limits =
                 "sessions up to 1 GB; the daemons of one machine; a full disk refuses what makes the file larger "
                 "(507), sessions are used and ended"},
    .open = &open,
    .check = &check,
};

} // namespace coatcheck
