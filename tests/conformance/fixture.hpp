#pragma once
// A backend, two threads that drive it, and a clock that the test moves.

#include "backends/backend.hpp"
#include "tests/conformance/reference.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coatcheck {

// For doctest's messages.
std::ostream& operator<<(std::ostream& out, const head& h);
std::ostream& operator<<(std::ostream& out, errc code);

} // namespace coatcheck

namespace coatcheck::conformance {

using namespace std::chrono_literals;

// Defined once by each backend's file: the URL of the store that the suite runs on, which may hold other tests'
// sessions. Starts the server at the first call; ends the program with testing::missing() if there is none.
std::string store_url();

// How a server is started and refused, for the suite's tests of faults.
struct remote_store {
    std::string kind;                              // in tests/support/servers/
    std::vector<std::string> options = {};         // of that script
    std::function<std::string(std::uint16_t)> url; // of the store, if the server were on that port of 127.0.0.1
    bool keeps_data = false;                       // through a restart
    std::function<std::vector<std::string>()> refused = {}; // URLs of servers that refuse: passwords, CAs
};

// Defined once by each backend's file: nothing if there is no server between which and the backend a network could
// break.
std::optional<remote_store> remote();

// Long before any test is over.
deadline soon();

// The changes of a write that sends nothing: idle one hour, remembered for ten minutes past the end.
head_changes plain_changes();

bool refused_by(const write& w, errc why);

// Every call of put, load, swap, end and extend goes to the backend and to the reference, by one of the two threads in
// turn, and CHECKs that both say the same. Use store() for calls of which only the test knows what to expect.
class fixture {
public:
    explicit fixture(const std::string& url = store_url());
    ~fixture();
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;

    // Begins at the system clock's time, so that a store which forgets by its own clock still holds what it must, and
    // is moved by minutes and hours, so that the seconds that a test runs do not matter.
    time_point now;

    session_key new_key();

    write put(const session_key& key, std::string_view payload, precondition when = precondition::none(),
              const head_changes& changes = plain_changes());
    std::optional<record> load(const session_key& key);
    bool swap(const session_key& key, const std::optional<head>& seen, const head& next,
              std::optional<std::string_view> payload);
    std::optional<head> end(const session_key& key, std::chrono::milliseconds keep = 60s);
    std::optional<head> extend(const session_key& key, std::chrono::milliseconds keep_after_end = 10min);

    backend& store() noexcept { return *store_; }

    // The result of `op`, an awaitable<T>, on one of the two threads.
    template <class T>
    T wait(awaitable<T> op);

    // Runs `work(0)` to `work(n - 1)` at once, half of them on each thread, until all are done.
    void parallel(std::size_t n, const std::function<awaitable<void>(std::size_t)>& work);

private:
    void spawn(awaitable<void> op, std::promise<void>& done);
    static void join(std::promise<void>& done);

    runtime threads_{2};
    std::unique_ptr<backend> store_;
    std::vector<std::jthread> running_;
    std::atomic<std::size_t> turn_ = 0;
    reference expected_;
};

template <class T>
T fixture::wait(awaitable<T> op)
{
    std::optional<T> answer;
    std::promise<void> done;
    spawn([](awaitable<T> from,
             std::optional<T>& to) -> awaitable<void> { to.emplace(co_await std::move(from)); }(std::move(op), answer),
          done);
    join(done);
    return *std::move(answer);
}

} // namespace coatcheck::conformance
