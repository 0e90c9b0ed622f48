#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/mysql/session.hpp"
#include "backends/mysql/sweeper.hpp"
#include "backends/transport/blocking_lane.hpp"

#include <utility>

namespace coatcheck {

namespace mysql {

namespace {

// Its payload is of no interest: on a disk that was full it may have stayed.
bool is_tombstone(const result<head>& about) noexcept
{
    return about && about->what == kind::ended;
}

class mysql_backend final : public compare_and_swap_backend {
public:
    mysql_backend(config settings, runtime& threads)
        : config_(std::move(settings)), sql_(config_.table),
          lane_(threads, config_.pool, [this] { return std::make_unique<session>(config_, sql_, facts_, stopping_); }),
          sweeper_(config_, sql_, stopping_)
    {}

    ~mysql_backend() override { stopping_ = true; }

    capabilities caps() const noexcept override
    {
        return {kept_by::store, tombstones::kept, facts_.durable(), facts_.max_payload()};
    }

    acknowledgement acknowledges() const override { return facts_.acknowledges(); }

    awaitable<result<void>> probe(deadline by) override
    {
        co_return co_await lane_.run<void>([by](session& s) { return s.ping(by); }, by);
    }

protected:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part needed, deadline by) override
    {
        const bool whole = needed == part::whole;
        auto found = co_await lane_.run<std::optional<row>>(
            [name = key.name, whole, by](session& s) {
                return s.read(whole ? verb::load : verb::find, whole ? record_shape : head_shape, name, by);
            },
            by);
        if (!found)
            co_return found.error();
        if (!*found)
            co_return std::nullopt;
        row& r = **found;
        stored s{stamp_of(r), head_of(r), {}};
        if (whole && !is_tombstone(s.about))
            s.payload = std::move(r.strings.back());
        co_return std::optional(std::move(s));
    }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        co_return co_await lane_.run<bool>([name = key.name, about, bytes = std::string(payload),
                                            by](session& s) { return s.insert(name, about, bytes, by); },
                                           by, payload.size());
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        auto done = co_await lane_.run<bool>([name = key.name, stamp = old.swap, about, bytes = std::string(payload),
                                              by](session& s) { return s.replace(name, stamp, about, bytes, by); },
                                             by, payload.size());
        // InnoDB wants free pages even to make a row shorter, but none for columns of one size: a tombstone that leaves
        // the payload in its place.
        if (!done && done.error().code == errc::full && about.what == kind::ended)
            done = co_await replace_head(key, old, about, by);
        co_return done;
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        co_return co_await lane_.run<bool>([name = key.name, stamp = old.swap, about,
                                            by](session& s) { return s.replace(name, stamp, about, std::nullopt, by); },
                                           by);
    }

    awaitable<result<void>> make_room(const session_key& key, const stored& old, deadline by) override
    {
        const auto done = co_await lane_.run<bool>(
            [name = key.name, stamp = old.swap, by](session& s) { return s.remove(name, stamp, by); }, by);
        if (!done)
            co_return done.error();
        co_return result<void>();
    }

private:
    const config config_;
    const statements sql_;
    server_facts facts_;
    std::atomic<bool> stopping_ = false;
    blocking_lane<session> lane_;
    sweeper sweeper_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    initialise_library();
    return std::make_unique<mysql_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

std::string schema(const backend_url& url)
{
    return statements(parse_config(url).table).create() + ";\n";
}

} // namespace

} // namespace mysql

const driver mysql_driver{
    .says = {.title = "MySQL, MariaDB",
             .url = "`mysql://user:password@host/database`, `mysql+unix://user:password@/run/mysqld/mysqld.sock?db=…`",
             .survives = "a power cut of the server, if its `innodb_flush_log_at_trx_commit` and `sync_binlog` are 1",
             .conditional_writes = kept_by::store,
             .tombstones = "kept",
             .limits = "sessions up to 16 MiB, or `max_allowed_packet` less 4 KiB; a full disk refuses writes (507)"},
    .open = &mysql::open,
    .check = &mysql::check,
    .schema = &mysql::schema,
};

} // namespace coatcheck
