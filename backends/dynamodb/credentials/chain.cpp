#include "backends/dynamodb/credentials/chain.hpp"

#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <map>
#include <utility>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;

constexpr auto ahead = 5min;         // of the end, when they are renewed
constexpr auto patience = 10s;       // with the sources
constexpr auto longest_pause = 1000; // ms, after a failure

} // namespace

credential_chain::credential_chain(runtime& threads, credential_sources sources, std::chrono::milliseconds pace)
    : threads_(threads), sources_(std::move(sources)), pace_(pace)
{
    for (std::size_t i = 0; i < threads.threads(); ++i)
        waiters_.push_back(std::make_shared<waiters>(threads.context(i)));
}

credential_chain::~credential_chain()
{
    for (const auto& each : waiters_)
        each->abandon();
}

bool credential_chain::is_usable(std::chrono::minutes left) const
{
    return now_ != nullptr && (!now_->expires || std::chrono::system_clock::now() + left < *now_->expires);
}

awaitable<result<credential_chain::shared>> credential_chain::current(deadline by)
{
    const std::size_t thread = runtime::this_thread();
    std::shared_ptr<call> mine;
    bool begin = false;
    {
        const std::lock_guard lock(mutex_);
        if (is_usable(ahead) && !doubted_)
            co_return now_;
        begin = !renewing_ && clock::now() >= not_before_;
        renewing_ = renewing_ || begin;
        if (!is_usable(0min)) {
            if (!renewing_)
                co_return why_;
            mine = std::make_shared<call>();
            mine->by = by;
            mine->thread = thread;
            waiting_.push_back(mine);
        }
    }
    if (begin)
        boost::asio::co_spawn(threads_.context(thread).get_executor(), renew(), boost::asio::detached);
    if (mine) {
        const auto late = co_await waiters_[thread]->wait(mine);
        if (late)
            co_return failure{errc::timed_out, "the AWS credentials did not come in time"};
    }
    const std::lock_guard lock(mutex_);
    if (!is_usable(0min))
        co_return why_;
    co_return now_;
}

void credential_chain::expired(const shared& used)
{
    const std::lock_guard lock(mutex_);
    if (now_ != used)
        return;
    now_ = nullptr;
    why_ = {errc::unavailable, "the AWS credentials have expired"};
}

void credential_chain::refused(const shared& used)
{
    const std::lock_guard lock(mutex_);
    doubted_ = doubted_ || now_ == used;
}

awaitable<result<credentials>> credential_chain::first_found(deadline by)
{
    for (const auto& source : sources_) {
        auto got = co_await source->fetch(by);
        if (!got)
            co_return got.error();
        if (*got)
            co_return **std::move(got);
    }
    co_return failure{errc::unavailable, "there are no AWS credentials: none in the environment, a profile, from a "
                                         "container's endpoint or the instance's metadata"};
}

awaitable<void> credential_chain::renew()
{
    auto got = co_await first_found(clock::now() + patience);
    std::map<std::size_t, std::vector<std::shared_ptr<call>>> by_thread;
    {
        const std::lock_guard lock(mutex_);
        renewing_ = false;
        doubted_ = false;
        if (got) {
            now_ = std::make_shared<const credentials>(*std::move(got));
            not_before_ = clock::now() + pace_;
        } else {
            why_ = got.error();
            not_before_ = clock::now() + std::chrono::milliseconds(random_uint64() % longest_pause);
        }
        for (auto& each : std::exchange(waiting_, {}))
            by_thread[each->thread].push_back(std::move(each));
    }
    for (auto& [thread, calls] : by_thread)
        boost::asio::post(threads_.context(thread),
                          [to = waiters_[thread], done = std::move(calls)] { to->finish(done); });
}

} // namespace coatcheck::dynamodb
