#include "backends/driver.hpp"
#include "backends/memory/store.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <stdexcept>

namespace coatcheck {

namespace {

using namespace std::chrono_literals;

using steady_timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                       boost::asio::wait_traits<std::chrono::steady_clock>, executor>;

struct config {
    std::size_t bound = std::size_t{256} << 20U;
    memory::when_full policy = memory::when_full::refuse;
};

config parse(const backend_url& url)
{
    constexpr std::size_t smallest = std::size_t{1} << 20U;
    if (!url.user.empty() || !url.password.empty() || !url.hosts.empty() || !url.path.empty())
        throw std::invalid_argument("memory:// takes parameters alone, as in memory://?max=256MiB&evict=lru");
    config c;
    url_parameters parameters(url);
    c.bound = parameters.take_bytes("max").value_or(c.bound);
    if (c.bound < smallest)
        throw std::invalid_argument("the parameter 'max' of memory:// is at least 1MiB");
    if (const auto evict = parameters.take("evict")) {
        if (*evict != "lru")
            throw std::invalid_argument("the parameter 'evict' of memory:// is lru, or left out to refuse when full");
        c.policy = memory::when_full::evict_least_used;
    }
    parameters.finish();
    return c;
}

// Ends with the store. Takes both by value: it outlives its caller.
awaitable<void> sweep(std::weak_ptr<memory::store> weak, std::shared_ptr<steady_timer> timer)
{
    bool more = false;
    for (;;) {
        boost::system::error_code cancelled;
        timer->expires_after(more ? 1ms : 1s);
        co_await timer->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable_t<executor>{}, cancelled));
        const auto store = weak.lock();
        if (cancelled || !store)
            co_return;
        more = store->drop_forgotten(
            std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    }
}

class memory_backend final : public backend {
public:
    memory_backend(const config& c, runtime& threads)
        : policy_(c.policy), store_(std::make_shared<memory::store>(c.bound, c.policy)),
          timer_(std::make_shared<steady_timer>(threads.context(0).get_executor()))
    {
        boost::asio::co_spawn(threads.context(0).get_executor(), sweep(store_, timer_), boost::asio::detached);
    }

    ~memory_backend() override
    {
        // The timer belongs to thread 0.
        boost::asio::post(timer_->get_executor(), [timer = timer_] { timer->cancel(); });
    }

    memory_backend(const memory_backend&) = delete;
    memory_backend& operator=(const memory_backend&) = delete;

    capabilities caps() const noexcept override
    {
        return {
            .conditional_writes = kept_by::daemon,
            .ended_records = policy_ == memory::when_full::refuse ? tombstones::kept : tombstones::best_effort,
            .durable = false,
            .max_payload = store_->max_payload(),
        };
    }

    acknowledgement acknowledges() const override
    {
        return {"kept in the daemon's memory",
                "for one daemon only, and its sessions are gone when it ends; sqlite:// keeps them"};
    }

    awaitable<result<std::optional<record>>> load(const session_key& key, deadline) override
    {
        co_return store_->load(key.name);
    }

    awaitable<result<write>> put(const session_key& key, const head_changes& changes, std::string_view payload,
                                 precondition when, time_point now, deadline) override
    {
        co_return store_->put(key.name, changes, payload, when, now);
    }

    awaitable<result<bool>> swap(const session_key& key, const head* seen, const head& next,
                                 std::optional<std::string_view> payload, time_point now, deadline) override
    {
        co_return store_->swap(key.name, seen, next, payload, now);
    }

    awaitable<result<std::optional<head>>> end(const session_key& key, time_point now, time_point keep_until,
                                               deadline) override
    {
        co_return store_->end(key.name, now, keep_until);
    }

    awaitable<result<std::optional<head>>> extend(const session_key& key, time_point now,
                                                  std::chrono::milliseconds keep_after_end, deadline) override
    {
        co_return store_->extend(key.name, now, keep_after_end);
    }

    awaitable<result<void>> probe(deadline) override { co_return result<void>{}; }

private:
    const memory::when_full policy_;
    const std::shared_ptr<memory::store> store_;
    const std::shared_ptr<steady_timer> timer_;
};

std::unique_ptr<backend> open(const backend_url& url, runtime& threads)
{
    return std::make_unique<memory_backend>(parse(url), threads);
}

void check(const backend_url& url)
{
    parse(url);
}

} // namespace

const driver memory_driver{
    .says = {.title = "memory",
             .url = "`memory://?max=256MiB`",
             .survives = "nothing: it is gone with the process",
             .conditional_writes = kept_by::daemon,
             .tombstones = "kept; best effort with `evict=lru`",
             .limits = "sessions up to the store's bound; a full store refuses new and growing sessions (507), never "
                       "an end"},
    .open = &open,
    .check = &check,
};

} // namespace coatcheck
