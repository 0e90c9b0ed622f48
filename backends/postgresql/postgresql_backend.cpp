#include "backends/driver.hpp"
#include "backends/postgresql/config.hpp"
#include "backends/postgresql/pool.hpp"
#include "backends/postgresql/rows.hpp"
#include "backends/postgresql/sweeper.hpp"

#include <utility>

namespace coatcheck {

namespace postgresql {

namespace {

// What is larger would hold up all who share its connection.
constexpr std::size_t max_payload = std::size_t{16} << 20U;

class postgresql_backend final : public backend {
public:
    postgresql_backend(config settings, runtime& threads) : pool_(std::make_shared<pool>(std::move(settings), threads))
    {
        start_sweeper(pool_, threads);
    }

    ~postgresql_backend() override { pool_->abandon(); }

    capabilities caps() const noexcept override
    {
        return {
            .conditional_writes = kept_by::store,
            .ended_records = tombstones::kept,
            .durable = pool_->says().durable(),
            .max_payload = max_payload,
        };
    }

    acknowledgement acknowledges() const override { return pool_->says().acknowledges(); }

    awaitable<result<std::optional<record>>> load(const session_key& key, deadline by) override
    {
        const auto rows = co_await pool_->run(sql().load, look_parameters(key.name), effect::reads, by);
        if (!rows)
            co_return rows.error();
        auto found = head_in(rows->get());
        if (!found)
            co_return found.error();
        if (!*found)
            co_return std::nullopt;
        co_return record{std::move((*found)->about), std::string(payload_in(rows->get()))};
    }

    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline by) override
    {
        if (payload.size() > max_payload)
            co_return failure{errc::too_large, "larger than 16 MiB"};
        const head created = apply(nullptr, changes, now);
        const auto& statement = sql().put(when, changes.may_create);
        const auto does = &statement == &sql().look ? effect::reads : effect::writes;
        for (;;) {
            auto with = does == effect::reads ? look_parameters(key.name)
                                              : put_parameters(key.name, created, changes, payload, when, now);
            const auto rows = co_await pool_->run(statement, std::move(with), does, by);
            if (!rows)
                co_return rows.error();
            auto found = head_in(rows->get());
            if (!found)
                co_return found.error();
            if (*found && (*found)->written) {
                // Only a creation has the first revision.
                const auto what = (*found)->about.revision == 1 ? write::outcome::created : write::outcome::replaced;
                co_return write{what, {}, std::move((*found)->about)};
            }
            const bool forgotten = *found && (*found)->about.keep_until <= now;
            head stored = *found && !forgotten ? std::move((*found)->about) : head{};
            const bool there = *found && !forgotten;
            if (const auto why = refusal(there ? &stored : nullptr, when, changes, now))
                co_return write{write::outcome::refused, *why, std::move(stored)};
            // The row has changed since the statement looked, or has to go before there can be a new one.
            if (forgotten) {
                const auto gone =
                    co_await pool_->run(sql().forget, forget_parameters(key.name, now), effect::writes, by);
                if (!gone)
                    co_return gone.error();
            }
        }
    }

    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline by) override
    {
        if (payload && payload->size() > max_payload)
            co_return failure{errc::too_large, "larger than 16 MiB"};
        const auto& statement = seen != nullptr ? sql().swap : sql().swap_in;
        const auto done =
            co_await pool_->run(statement, swap_parameters(key.name, seen, next, payload, now), effect::writes, by);
        if (done)
            co_return changed_by(done->get()) == 1;
        if (done.error().code == errc::full && next.what == kind::ended && seen != nullptr) {
            const auto in_place = co_await end(key, now, next.keep_until, by);
            if (in_place)
                co_return true;
        }
        co_return done.error();
    }

    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline by) override
    {
        for (;;) {
            const auto rows =
                co_await pool_->run(sql().end, end_parameters(key.name, now, keep_until), effect::writes, by);
            if (!rows)
                co_return co_await end_on_full_disk(rows.error(), key, now, keep_until, by);
            auto before = head_in(rows->get());
            if (!before || !*before) // what cannot be read has been ended nevertheless
                co_return std::nullopt;
            auto& [written, about] = **before;
            // A row that became an alias while the statement ran shows as one to the next.
            if (!written && about.what != kind::alias)
                continue;
            co_return about.keep_until > now ? std::optional(std::move(about)) : std::nullopt;
        }
    }

    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline by) override
    {
        for (;;) {
            const auto rows =
                co_await pool_->run(sql().extend, extend_parameters(key.name, now, keep_after_end), effect::writes, by);
            if (!rows)
                co_return rows.error();
            auto found = head_in(rows->get());
            if (!found)
                co_return found.error();
            if (!*found)
                co_return std::nullopt;
            auto& [written, about] = **found;
            // The head that an extension missed has changed since.
            if (!written && is_live(about, now) && needs_extension(about, now))
                continue;
            co_return std::optional(std::move(about));
        }
    }

    awaitable<result<void>> probe(deadline by) override
    {
        const auto answer = co_await pool_->run(sql().probe, {}, effect::reads, by);
        if (!answer)
            co_return answer.error();
        co_return result<void>();
    }

private:
    awaitable<result<std::optional<head>>> end_on_full_disk(failure why, const session_key& key, time_point now,
                                                            time_point keep_until, deadline by)
    {
        if (why.code == errc::full) {
            const auto in_place =
                co_await pool_->run(sql().end_in_place, end_parameters(key.name, now, keep_until), effect::writes, by);
            if (in_place && changed_by(in_place->get()) == 1)
                co_return std::nullopt;
        }
        co_return why;
    }

    const statements& sql() const noexcept { return pool_->sql(); }

    const std::shared_ptr<pool> pool_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<postgresql_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

std::string schema_for(const backend_url& url)
{
    return schema(parse_config(url).table, url.user);
}

} // namespace

} // namespace postgresql

const driver postgresql_driver{
    .says = {.title = "PostgreSQL",
             .url = "`postgres://` or `postgresql://user:password@host/database`",
             .survives = "a crash of the server, unless its `synchronous_commit` or `fsync` is off; a fail-over if a "
                         "standby is synchronous",
             .conditional_writes = kept_by::store,
             .tombstones = "kept",
             .limits = "sessions up to 16 MiB; a full disk refuses what makes the table larger (507), "
                       "sessions are read and ended"},
    .open = &postgresql::open,
    .check = &postgresql::check,
    .schema = &postgresql::schema_for,
    .several_hosts = true,
};

} // namespace coatcheck
