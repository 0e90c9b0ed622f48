#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "tests/conformance/fixture.hpp"

#include "backends/layers/encrypt.hpp"
#include "backends/registry.hpp"
#include "proto/random.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <cstdio>
#include <cstdlib>

namespace coatcheck {

std::ostream& operator<<(std::ostream& out, errc code)
{
    return out << problem_of(code).urn;
}

std::ostream& operator<<(std::ostream& out, const head& h)
{
    const auto ms = [](time_point t) { return t.time_since_epoch().count(); };
    return out << "{kind " << static_cast<int>(h.what) << ", revision " << h.revision << ", version "
               << h.data_version.bits << ", created " << ms(h.created) << ", last seen " << ms(h.last_seen)
               << ", expires " << ms(h.expires) << ", absolute end " << ms(h.absolute_end) << ", keep until "
               << ms(h.keep_until) << ", idle " << h.idle.count() << "s, lock " << h.lock_token << " until "
               << ms(h.locked_until) << ", subject of " << h.subject.size() << ", label of " << h.label.size() << "}";
}

} // namespace coatcheck

namespace coatcheck::conformance {

namespace {

// COATCHECK_TEST_SEALED: the suite runs on the layer that encrypts, over the store.
std::unique_ptr<backend> open_store(const std::string& url, runtime& threads)
{
    auto store = open_backend(url, threads);
    if (std::getenv("COATCHECK_TEST_SEALED") == nullptr)
        return store;
    static const auto seals = std::make_shared<const sealer>(std::vector{sealing_key(make_sealing_key())}, "test");
    return std::make_unique<encrypt>(std::move(store), seals, plain_records::refuse, [](std::size_t) {});
}

} // namespace

deadline soon()
{
    return std::chrono::steady_clock::now() + 20s;
}

head_changes plain_changes()
{
    head_changes c;
    c.next = make_version();
    c.default_idle = 1h;
    c.keep_after_end = 10min;
    return c;
}

bool refused_by(const write& w, errc why)
{
    return w.what == write::outcome::refused && w.why == why;
}

fixture::fixture(const std::string& url)
    : now(std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now())),
      store_(open_store(url, threads_))
{
    for (std::size_t i = 0; i < threads_.threads(); ++i)
        running_.emplace_back([this, i] {
            const auto work = boost::asio::make_work_guard(threads_.context(i));
            threads_.run(i);
        });
}

fixture::~fixture()
{
    threads_.stop();
    running_.clear();
    store_.reset();
}

session_key fixture::new_key()
{
    const std::string id = make_session_id();
    return {handle_maker()(id), id};
}

void fixture::spawn(awaitable<void> op, std::promise<void>& done)
{
    auto& context = threads_.context(turn_++ % threads_.threads());
    boost::asio::co_spawn(context.get_executor(), std::move(op), [&done](const std::exception_ptr& thrown) {
        if (thrown)
            done.set_exception(thrown);
        else
            done.set_value();
    });
}

// What hangs refers to the caller's frame, so the test cannot go on without it.
void fixture::join(std::promise<void>& done)
{
    auto end = done.get_future();
    if (end.wait_for(60s) != std::future_status::ready) {
        std::fputs("a call to the backend did not return within a minute\n", stderr);
        std::abort();
    }
    end.get();
}

void fixture::parallel(std::size_t n, const std::function<awaitable<void>(std::size_t)>& work)
{
    // All are waited for before the first failure is passed on: the others still use `done` and `work`.
    std::vector<std::promise<void>> done(n);
    for (std::size_t i = 0; i < n; ++i)
        spawn(work(i), done[i]);
    std::exception_ptr first;
    for (auto& d : done) {
        try {
            join(d);
        } catch (...) {
            if (!first)
                first = std::current_exception();
        }
    }
    if (first)
        std::rethrow_exception(first);
}

write fixture::put(const session_key& key, std::string_view payload, precondition when, const head_changes& changes)
{
    auto answer = wait(store_->put(key, changes, payload, when, now, soon()));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    const write expected = expected_.put(key.name, changes, payload, when, now);
    CHECK(answer->what == expected.what);
    if (expected.what == write::outcome::refused)
        CHECK(answer->why == expected.why);
    CHECK(answer->about == expected.about);
    return *answer;
}

std::optional<record> fixture::load(const session_key& key)
{
    auto answer = wait(store_->load(key, soon()));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    if (const auto expected = expected_.load(key.name, now)) {
        REQUIRE(answer->has_value());
        CHECK((*answer)->about == expected->about);
        // Not CHECK(a == b), which would print a megabyte.
        const bool same_payload = (*answer)->payload == expected->payload;
        CHECK(same_payload);
    } else if (answer->has_value()) {
        CHECK((*answer)->about.keep_until <= now);
    }
    return *std::move(answer);
}

bool fixture::swap(const session_key& key, const std::optional<head>& seen, const head& next,
                   std::optional<std::string_view> payload)
{
    const head* const read = seen ? &*seen : nullptr;
    const auto answer = wait(store_->swap(key, read, next, payload, now, soon()));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    CHECK(*answer == expected_.swap(key.name, read, next, payload, now));
    return *answer;
}

std::optional<head> fixture::end(const session_key& key, std::chrono::milliseconds keep)
{
    auto answer = wait(store_->end(key, now, now + keep, soon()));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    CHECK(*answer == expected_.end(key.name, now, now + keep));
    return *answer;
}

std::optional<head> fixture::extend(const session_key& key, std::chrono::milliseconds keep_after_end)
{
    auto answer = wait(store_->extend(key, now, keep_after_end, soon()));
    REQUIRE_MESSAGE(answer.has_value(), answer.error().code, " ", answer.error().detail);
    if (const auto expected = expected_.extend(key.name, now, keep_after_end)) {
        REQUIRE(answer->has_value());
        CHECK(**answer == *expected);
    } else if (answer->has_value()) {
        CHECK((*answer)->keep_until <= now);
    }
    return *std::move(answer);
}

} // namespace coatcheck::conformance
