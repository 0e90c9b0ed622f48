#include "server/daemon.hpp"

#include "server/file_watch.hpp"
#include "server/listener.hpp"
#include "server/log.hpp"
#include "server/release.hpp"
#include "server/store_report.hpp"
#include "server/tls.hpp"
#include "server/tokens.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <exception>
#include <thread>

namespace coatcheck {

namespace asio = boost::asio;

namespace {

constexpr asio::use_awaitable_t<executor> awaiting{};
constexpr std::chrono::milliseconds drain_poll{20};

class daemon {
public:
    explicit daemon(const config& settings)
        : shared_(std::make_unique<service>(settings, load_tokens(settings), threads_.emplace(settings.threads))),
          env_{*threads_, *shared_, by_thread_, {}},
          signals_(std::in_place, threads_->context(0).get_executor(), SIGTERM, SIGINT, SIGHUP)
    {
        for (std::size_t i = 0; i < threads_->threads(); ++i)
            by_thread_.push_back(std::make_unique<connections>(threads_->context(i)));
        if (settings.tls) {
            tls_.emplace(*settings.tls);
            env_.tls = [this] { return tls_->current(); };
        }
        for (const auto& where : settings.listen)
            listeners_.push_back(open_listener(where, traits_of(where), env_));
        for (const auto& where : settings.ops_listen)
            listeners_.push_back(
                open_listener(where, {.is_tcp = where.kind == listen_address::family::tcp, .ops_only = true}, env_));
        watch_files();
    }

    ~daemon()
    {
        // Backends use the contexts, and the frames of requests that a drain left behind use the service: so the first
        // go first, and the contexts with those frames before the rest.
        watched_.reset();
        listeners_.clear();
        shared_->stores.clear();
        signals_.reset();
        by_thread_.clear();
        threads_.reset();
    }

    void run()
    {
        for (std::size_t i = 0; i < threads_->threads(); ++i)
            asio::co_spawn(threads_->context(i), by_thread_[i]->sweep(), asio::detached);
        for (auto& l : listeners_) {
            l->start();
            log::info("listening", {{"address", l->address()}});
        }
        asio::co_spawn(threads_->context(0), handle_signals(), asio::detached);
        for (const auto& [name, store] : shared_->stores)
            asio::co_spawn(threads_->context(0), report_when_up(*store), asio::detached);
        log::info("ready", {{"version", release_version}, {"threads", threads_->threads()}});

        std::vector<std::jthread> others;
        for (std::size_t i = 1; i < threads_->threads(); ++i)
            others.emplace_back([this, i] { threads_->run(i); });
        threads_->run(0);
    }

private:
    listener_traits traits_of(const listen_address& where) const
    {
        return {.tokens_needed = shared_->tokens.required() && !where.is_loopback(),
                .is_tcp = where.kind == listen_address::family::tcp};
    }

    void watch_files()
    {
        std::vector<std::string> paths;
        const config& c = shared_->settings;
        if (!c.tokens_file.empty())
            paths.push_back(c.tokens_file);
        if (c.tls) {
            paths.push_back(c.tls->certificate_file);
            paths.push_back(c.tls->key_file);
            if (!c.tls->client_ca_file.empty())
                paths.push_back(c.tls->client_ca_file);
        }
        if (!paths.empty())
            watched_.emplace(threads_->context(0), std::move(paths), [this] { reload(); });
    }

    // What is broken keeps its last good state.
    void reload() noexcept
    {
        try {
            shared_->tokens.replace(load_tokens(shared_->settings));
            if (tls_)
                tls_->reload();
            log::info("tokens and certificates read again");
        } catch (const std::exception& e) {
            log::error("the old tokens and certificates stay in use", {{"error", e.what()}});
        }
    }

    awaitable<void> handle_signals()
    {
        for (;;) {
            boost::system::error_code ec;
            const int signal = co_await signals_->async_wait(asio::redirect_error(awaiting, ec));
            if (ec)
                co_return;
            if (signal == SIGHUP) {
                reload();
            } else if (!shared_->draining.exchange(true)) {
                log::info("draining");
                asio::co_spawn(threads_->context(0), drain(), asio::detached);
            } else {
                log::warn("stopped before the drain was over", {{"connections", shared_->counters.connections()}});
                threads_->stop();
                co_return;
            }
        }
    }

    awaitable<void> drain()
    {
        co_await sleep(shared_->settings.drain_delay);
        for (auto& l : listeners_)
            l->drain();
        for (std::size_t i = 0; i < by_thread_.size(); ++i)
            asio::post(threads_->context(i), [this, i] { by_thread_[i]->drain(); });
        const auto last_moment = std::chrono::steady_clock::now() + shared_->settings.drain_timeout;
        do
            co_await sleep(drain_poll);
        while (shared_->counters.connections() > 0 && std::chrono::steady_clock::now() < last_moment);
        log::info("stopped", {{"connections", shared_->counters.connections()}});
        threads_->stop();
    }

    awaitable<void> sleep(std::chrono::milliseconds time)
    {
        asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>
            timer(threads_->context(0).get_executor(), time);
        boost::system::error_code ec;
        co_await timer.async_wait(asio::redirect_error(awaiting, ec));
    }

    using signal_set = asio::basic_signal_set<executor>;

    std::optional<runtime> threads_;
    std::unique_ptr<service> shared_;
    std::vector<std::unique_ptr<connections>> by_thread_;
    std::optional<tls_server> tls_;
    serving env_;
    std::optional<signal_set> signals_;
    std::vector<std::unique_ptr<listener>> listeners_;
    std::optional<file_watch> watched_;
};

} // namespace

void run_daemon(const config& settings)
{
    daemon d(settings);
    d.run();
}

} // namespace coatcheck
