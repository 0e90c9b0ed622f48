#include "backends/compare_and_swap/compare_and_swap_backend.hpp"
#include "backends/driver.hpp"
#include "backends/uwsgi/cache.hpp"
#include "backends/uwsgi/key_lanes.hpp"
#include "backends/uwsgi/uwsgi_config.hpp"

#include <functional>
#include <utility>

namespace coatcheck {

namespace uwsgi {

namespace {

// What a session may have beside its payload.
std::size_t longest_head()
{
    head h;
    h.subject.assign(max_subject_length, 's');
    h.label.assign(max_label_length, 'l');
    std::string bytes;
    encode(h, {}, bytes);
    return bytes.size();
}

// Tells whether a value is the one that was read: no two heads of a session are the same, since each write of the data
// brings a random version and each write at all a new revision. What is no record stands for itself.
std::uint64_t identity(std::string_view bytes, const result<decoded_head>& read)
{
    return std::hash<std::string_view>()(read ? bytes.substr(0, read->payload_at) : bytes);
}

class uwsgi_backend final : public compare_and_swap_backend {
public:
    uwsgi_backend(const config& settings, runtime& threads)
        : max_payload_(settings.max_value - longest_head()), cache_(std::make_shared<cache>(settings, threads)),
          lanes_(threads)
    {}

    capabilities caps() const noexcept override
    {
        capabilities c;
        c.conditional_writes = kept_by::daemon;
        c.ended_records = tombstones::best_effort;
        c.lists_subjects = false;
        c.max_payload = max_payload_;
        return c;
    }

    acknowledgement acknowledges() const override
    {
        return {"written to the memory of the uWSGI server",
                "only one daemon may use the cache, since uWSGI cannot compare and swap: give each daemon a cache or a "
                "prefix of its own; a restart of uWSGI ends every session"};
    }

    awaitable<result<void>> probe(deadline by) override { co_return co_await cache_->prove(by); }

protected:
    awaitable<result<std::optional<stored>>> read(const session_key& key, part, deadline by) override
    {
        const std::string name = cache_->key_of(key.name.str());
        const auto held = co_await cache_->get(name, by);
        if (!held)
            co_return held.error();
        if (!*held)
            co_return std::nullopt;
        const std::string& bytes = **held;
        auto decoded = decode_head(bytes);
        const auto swap = identity(bytes, decoded);
        if (!decoded)
            co_return std::optional(stored{swap, decoded.error(), {}});
        co_return std::optional(stored{swap, std::move(decoded->about), bytes.substr(decoded->payload_at)});
    }

    part needed_to_extend() const noexcept override { return part::whole; }

    awaitable<result<bool>> insert(const session_key& key, const head& about, std::string_view payload,
                                   deadline by) override
    {
        auto job = job_of(key, about, payload, by);
        key_lanes::work work = [job] { return add(job); };
        co_return co_await lanes_.run(key.name, std::move(work), by);
    }

    awaitable<result<bool>> replace(const session_key& key, const stored& old, const head& about,
                                    std::string_view payload, deadline by) override
    {
        auto job = job_of(key, about, payload, by);
        job->swap = old.swap;
        key_lanes::work work = [job] { return compare_and_update(job); };
        co_return co_await lanes_.run(key.name, std::move(work), by);
    }

    awaitable<result<bool>> replace_head(const session_key& key, const stored& old, const head& about,
                                         deadline by) override
    {
        co_return co_await replace(key, old, about, old.payload, by);
    }

    awaitable<result<void>> make_room(const session_key& key, const stored& old, deadline by) override
    {
        auto job = job_of(key, {}, {}, by);
        job->swap = old.swap;
        key_lanes::work work = [job] { return compare_and_remove(job); };
        const auto done = co_await lanes_.run(key.name, std::move(work), by);
        if (!done)
            co_return done.error();
        co_return result<void>();
    }

private:
    // What is to be done for a key, owned, since it goes on past its caller's deadline.
    struct job {
        std::shared_ptr<cache> where;
        std::string key;
        std::string value;
        time_point keep_until;
        deadline by;
        std::uint64_t swap = 0;
    };

    std::shared_ptr<job> job_of(const session_key& key, const head& about, std::string_view payload, deadline by) const
    {
        auto made = std::make_shared<job>();
        made->where = cache_;
        made->key = cache_->key_of(key.name.str());
        encode(about, payload, made->value);
        made->keep_until = about.keep_until;
        made->by = by;
        return made;
    }

    static awaitable<result<bool>> add(std::shared_ptr<job> j)
    {
        co_return co_await j->where->add(j->key, j->value, j->keep_until, j->by);
    }

    static awaitable<result<bool>> compare_and_update(std::shared_ptr<job> j)
    {
        const auto held = co_await j->where->get(j->key, j->by);
        if (!held)
            co_return held.error();
        if (!*held || identity(**held, decode_head(**held)) != j->swap)
            co_return false;
        co_return co_await j->where->replace(j->key, **held, j->value, j->keep_until, j->by);
    }

    static awaitable<result<bool>> compare_and_remove(std::shared_ptr<job> j)
    {
        const auto held = co_await j->where->get(j->key, j->by);
        if (!held)
            co_return held.error();
        if (!*held || identity(**held, decode_head(**held)) != j->swap)
            co_return false;
        const auto removed = co_await j->where->remove(j->key, j->by);
        if (!removed)
            co_return removed.error();
        co_return true;
    }

    const std::size_t max_payload_;
    const std::shared_ptr<cache> cache_;
    key_lanes lanes_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<uwsgi_backend>(parse_config(url), threads);
}

void check(const backend_url& url)
{
    parse_config(url);
}

} // namespace

} // namespace uwsgi

const driver uwsgi_driver{
    .says = {.title = "uWSGI cache",
             .url = "`uwsgi://host:port/name`, `uwsgi+unix:///path.sock?cache=name`",
             .survives = "nothing: uWSGI's memory",
             .conditional_writes = kept_by::daemon,
             .tombstones = "best effort: uWSGI does not say whether it evicts",
             .limits = "sessions up to `max`, the cache's blocksize (64 KiB), less 2.1 KiB; a full cache refuses new "
                       "sessions (507), those that are there are used and ended; a user's sessions are not listed "
                       "(501)"},
    .open = &uwsgi::open,
    .check = &uwsgi::check,
};

} // namespace coatcheck
