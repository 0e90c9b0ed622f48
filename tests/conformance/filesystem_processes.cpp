// file:// under several daemons, and one that is killed.

#include "backends/filesystem/locks.hpp"
#include "tests/conformance/filesystem_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <random>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

// Another process, which ends by itself or by kill -9. To be started while this one has no other threads.
class process {
public:
    explicit process(const std::function<bool()>& work) : pid_(fork())
    {
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            _exit(work() ? 0 : 1);
        }
    }
    ~process()
    {
        if (pid_ > 0)
            kill();
    }
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    void kill()
    {
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
    bool succeeded()
    {
        int status = 0;
        waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

private:
    pid_t pid_;
};

// As another daemon that is at a session, or stands still there.
class foreign_lock {
public:
    explicit foreign_lock(const session_key& key)
        : root_(::open(store_in_folder::root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    {
        auto taken = filesystem::try_lock(root_, filesystem::place_of(key.name));
        REQUIRE(taken.has_value());
        REQUIRE(taken->has_value());
        held_.emplace(**std::move(taken));
    }

    void release() { held_.reset(); }

private:
    filesystem::descriptor root_;
    std::optional<filesystem::held_lock> held_;
};

// Adds one to a session's number as often as told, by compare and set, from four callers.
bool count_up(const session_key& key, int times)
{
    fixture f;
    std::atomic<int> left = times;
    std::atomic<bool> sound = true;
    f.parallel(4, [&](std::size_t) -> awaitable<void> {
        while (sound && left-- > 0) {
            for (bool done = false; sound && !done;) {
                const auto held = co_await f.store().load(key, soon());
                if (!held || !*held) {
                    sound = false;
                    break;
                }
                const std::string next = std::to_string(std::stoi((*held)->payload) + 1);
                const auto when = precondition::matches((*held)->about.data_version);
                const auto changes = plain_changes();
                const auto w = co_await f.store().put(key, changes, next, when, f.now, soon());
                sound = sound && w.has_value();
                done = w && w->what == write::outcome::replaced;
            }
        }
    });
    return sound;
}

session_key a_key(const std::string& name)
{
    return {handle_maker()("a session of the test " + name), {}};
}

} // namespace

TEST_CASE("processes that compare and set lose no update")
{
    const store_in_folder here;
    const auto key = a_key("counts");
    constexpr int times = 60;
    process first([&] {
        fixture f;
        return try_put(f, key, "0").has_value();
    });
    REQUIRE(first.succeeded());
    process one([&] { return count_up(key, times); });
    process other([&] { return count_up(key, times); });
    CHECK(one.succeeded());
    CHECK(other.succeeded());
    fixture f;
    CHECK(payload_in(f, key) == std::to_string(2 * times));
    CHECK(try_load(f, key).value()->about.revision == 1 + 2 * times);
}

TEST_CASE("exactly one of two daemons creates a session")
{
    const store_in_folder here;
    fixture one;
    fixture other;
    std::atomic<int> created = 0;
    for (int round = 0; round < 20; ++round) {
        const auto key = one.new_key();
        const auto create = [&](fixture& f) {
            created += try_put(f, key, "x", precondition::absent())->what == write::outcome::created ? 1 : 0;
        };
        const std::jthread beside([&] { create(other); });
        create(one);
    }
    CHECK(created == 20);
}

TEST_CASE(
    "kill -9 in the middle of writes leaves an old or a new record, at least the last acknowledged, and no part of one")
{
    const store_in_folder here;
    const auto key = a_key("kill");
    constexpr std::size_t size = 200'000;
    const auto acknowledged = here.around() / "acknowledged";
    std::mt19937 dice(std::random_device{}());
    int last = 0;
    for (int round = 0; round < 15; ++round) {
        write_bytes(acknowledged, std::to_string(last));
        process writer([&] {
            fixture f;
            const int fd = ::open(acknowledged.c_str(), O_WRONLY | O_CLOEXEC);
            for (int n = last + 1;; ++n) {
                const std::string number = std::to_string(n);
                if (!try_put(f, key, number + std::string(size, static_cast<char>('a' + n % 26))) ||
                    pwrite(fd, number.data(), number.size(), 0) < 0)
                    return false;
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(20 + dice() % 40));
        writer.kill();
        const int promised = std::stoi(bytes_of(acknowledged));
        fixture f;
        const std::string held = payload_in(f, key);
        if (held == "none") {
            CHECK(promised == 0);
            continue;
        }
        last = std::stoi(held);
        CAPTURE(promised);
        CAPTURE(last);
        CHECK((last == promised || last == promised + 1));
        const bool whole = held == std::to_string(last) + std::string(size, static_cast<char>('a' + last % 26));
        CHECK(whole);
    }
    CHECK(last > 0);
}

TEST_CASE(
    "a write waits for another daemon's until its deadline, does not land after it, and holds up no other session")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    foreign_lock other(key);
    std::atomic<int> late = 0, done = 0;
    std::vector<session_key> keys;
    while (keys.size() < 64)
        keys.push_back(f.new_key());
    const auto by = std::chrono::steady_clock::now() + 500ms;
    f.parallel(128, [&](std::size_t i) -> awaitable<void> {
        const auto changes = plain_changes();
        const auto& at = i % 2 == 0 ? key : keys[i / 2];
        const auto w =
            co_await f.store().put(at, changes, "late", precondition::none(), f.now, i % 2 == 0 ? by : soon());
        late += !w && w.error().code == errc::timed_out ? 1 : 0;
        done += w.has_value() ? 1 : 0;
    });
    CHECK(late == 64);
    CHECK(done == 64);
    CHECK(std::chrono::steady_clock::now() - by < 5s);
    CHECK(f.load(key)->payload == "red"); // readers do not wait
    CHECK(f.extend(key)->revision == 1);  // nor does a use that need not be written

    std::jthread release([&] {
        std::this_thread::sleep_for(50ms);
        other.release();
    });
    CHECK(try_put(f, key, "blue", precondition::at_revision(1))->what == write::outcome::replaced);
}

TEST_CASE("a backend goes while writes wait in it")
{
    const store_in_folder here;
    const auto key = a_key("leave");
    CHECK(refusal_of() == "opened");
    const foreign_lock other(key);
    runtime threads{1};
    auto store = open_backend(store_url(), threads);
    for (int i = 0; i < 3; ++i)
        boost::asio::co_spawn(
            threads.context(0).get_executor(),
            [&]() -> awaitable<void> {
                co_await store->put(key, plain_changes(), "x", precondition::none(), time_point{1s}, soon());
                FAIL("the write was answered");
            },
            boost::asio::detached);
    for (const auto until = std::chrono::steady_clock::now() + 30ms; std::chrono::steady_clock::now() < until;)
        threads.context(0).poll();
    store.reset();
    CHECK(!fs::exists(file_of(key)));
}

} // namespace coatcheck::conformance
