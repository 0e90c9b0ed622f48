// SQLite: the suite, and what is true of a file alone.

#include "tests/conformance/sqlite_file.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/endian/conversion.hpp>

#include <fstream>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

// Transactions in the write-ahead log (sqlite.org/fileformat2.html, section 4).
std::size_t transactions_in_log()
{
    const std::string log = bytes_of(file.string() + "-wal");
    constexpr std::size_t header = 32, frame_header = 24;
    REQUIRE(log.size() > header);
    const auto number = [&](std::size_t at) {
        return boost::endian::load_big_u32(reinterpret_cast<const unsigned char*>(log.data()) + at);
    };
    const std::size_t page = number(8);
    std::size_t count = 0;
    for (std::size_t at = header; at + frame_header + page <= log.size(); at += frame_header + page)
        if (number(at + 8) == number(16) && number(at + 12) == number(20) && number(at + 4) != 0)
            ++count;
    return count;
}

} // namespace

TEST_CASE("a new file is its owner's alone, and so is a new folder")
{
    const file_in_folder here;
    fixture f;
    f.put(f.new_key(), "red");
    CHECK(fs::status(file.parent_path()).permissions() == fs::perms::owner_all);
    for (const auto* suffix : {"", "-wal", "-shm"})
        CHECK(fs::status(file.string() + suffix).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a URL that is wrong says so")
{
    const file_in_folder here;
    CHECK(says(refusal_of("sqlite://sessions.db"), "three slashes"));
    CHECK(says(refusal_of("sqlite://"), "absolute path"));
    CHECK(says(refusal_of("sqlite://" + here.folder().string() + "/"), "absolute path of a file"));
    CHECK(says(refusal_of("sqlite://" + here.folder().string()), "is a folder"));
    CHECK(says(refusal_of("sqlite:///proc/nothing/sessions.db"), "cannot make the folder"));
    CHECK(says(refusal_of(url() + "?synchronous=off"), "full or normal"));
    CHECK(says(refusal_of(url() + "?sychronous=full"), "sychronous"));
    CHECK_FALSE(fs::exists(file));
    CHECK(refusal_of(url() + "?synchronous=normal") == "opened");
}

TEST_CASE("durable is what full synchronisation is, and normal is not")
{
    const file_in_folder here;
    runtime threads{1};
    CHECK(open_backend(url(), threads)->caps().durable);
    CHECK_FALSE(open_backend(url() + "?synchronous=normal", threads)->caps().durable);
}

TEST_CASE("a store that is opened again holds everything")
{
    const file_in_folder here;
    std::vector<session_key> keys;
    std::vector<record> before;
    {
        fixture f;
        for (int i = 0; i < 20; ++i) {
            keys.push_back(f.new_key());
            f.put(keys.back(), std::string(static_cast<std::size_t>(i) * 1000, 'x'));
        }
        f.end(keys.front());
        for (const auto& key : keys)
            before.push_back(f.load(key).value());
    }
    CHECK_FALSE(fs::exists(file.string() + "-wal")); // all of it is in the one file
    fixture f;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const bool same = f.wait(f.store().load(keys[i], soon())).value() == before[i];
        CHECK(same);
    }
}

TEST_CASE("conditions hold across two daemons on one file")
{
    const file_in_folder here;
    fixture one;
    fixture other;
    const auto key = one.new_key();
    const write first = one.put(key, "red");
    CHECK(other.wait(other.store().load(key, soon())).value()->payload == "red");

    const auto changes = plain_changes();
    const auto when = precondition::matches(first.about.data_version);
    CHECK(other.wait(other.store().put(key, changes, "blue", when, other.now, soon()))->what ==
          write::outcome::replaced);
    const auto late = one.wait(one.store().put(key, plain_changes(), "green", when, one.now, soon()));
    CHECK(refused_by(late.value(), errc::precondition_failed));
    CHECK(late->about.data_version == changes.next);
    CHECK(one.wait(one.store().load(key, soon())).value()->payload == "blue");
}

TEST_CASE("exactly one of two daemons creates a session")
{
    const file_in_folder here;
    fixture one;
    fixture other;
    std::atomic<int> created = 0;
    for (int round = 0; round < 50; ++round) {
        const auto key = one.new_key();
        const auto changes = plain_changes();
        const auto create = [&](fixture& f) {
            const auto w = f.wait(f.store().put(key, changes, "x", precondition::absent(), f.now, soon()));
            if (w.value().what == write::outcome::created)
                ++created;
        };
        const std::jthread beside([&] { create(other); });
        create(one);
    }
    CHECK(created == 50);
}

TEST_CASE("writes at the same time share transactions")
{
    const file_in_folder here;
    fixture f;
    shell reader;
    reader("BEGIN; SELECT count(*) FROM sessions"); // who reads an old state keeps the log from starting over
    const std::size_t before = transactions_in_log();
    constexpr std::size_t writers = 64, each = 8;
    std::atomic<std::size_t> written = 0;
    f.parallel(writers, [&](std::size_t) -> awaitable<void> {
        const auto key = f.new_key();
        for (std::size_t i = 0; i < each; ++i) {
            const auto w = co_await f.store().put(key, plain_changes(), "x", precondition::none(), f.now, soon());
            written += w.has_value() ? 1 : 0;
        }
    });
    CHECK(written == writers * each);
    const std::size_t transactions = transactions_in_log() - before;
    CHECK(transactions >= each);
    CHECK(transactions <= writers * each / 4);
}

TEST_CASE("a write waits for another daemon's transaction until its deadline, and does not land after it")
{
    const file_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    shell other;
    other("BEGIN IMMEDIATE");

    const auto start = std::chrono::steady_clock::now();
    const auto late = f.wait(f.store().put(key, plain_changes(), "late", precondition::none(), f.now, start + 100ms));
    CHECK(late.error().code == errc::timed_out);
    CHECK(std::chrono::steady_clock::now() - start < 10s);
    CHECK(f.load(key)->payload == "red"); // readers do not wait

    std::jthread release;
    const auto patient = [&]() -> awaitable<result<write>> {
        release = std::jthread([&] { other("ROLLBACK"); });
        co_return co_await f.store().put(key, plain_changes(), "blue", precondition::at_revision(1), f.now, soon());
    };
    CHECK(f.wait(patient())->what == write::outcome::replaced);
}

TEST_CASE("a queue that is full refuses at once, and what is in it is written")
{
    const file_in_folder here;
    fixture f;
    shell other;
    other("BEGIN IMMEDIATE");
    std::atomic<bool> released = false;
    std::atomic<std::size_t> written = 0, refused = 0;
    f.parallel(10'000, [&](std::size_t) -> awaitable<void> {
        const auto w = co_await f.store().put(f.new_key(), plain_changes(), "x", precondition::none(), f.now, soon());
        if (w) {
            ++written;
        } else if (w.error().code == errc::unavailable) {
            ++refused;
            if (!released.exchange(true))
                other("ROLLBACK");
        }
    });
    CHECK(refused >= 1);
    CHECK(written + refused == 10'000);
    CHECK(shell()("SELECT count(*) FROM sessions") == std::to_string(written));
}

TEST_CASE("a backend goes while writes wait in it")
{
    const file_in_folder here;
    runtime threads{1};
    auto store = open_backend(store_url(), threads);
    shell other;
    other("BEGIN IMMEDIATE");
    const session_key key{handle_maker()("somebody's session id"), {}};
    boost::asio::co_spawn(
        threads.context(0).get_executor(),
        [&]() -> awaitable<void> {
            co_await store->put(key, plain_changes(), "x", precondition::none(), time_point{1s}, soon());
            FAIL("the write was answered");
        },
        boost::asio::detached);
    threads.context(0).poll();
    store.reset();
    threads.context(0).poll();
    other("ROLLBACK");
    CHECK(other("SELECT count(*) FROM sessions") == "0");
}

TEST_CASE("a record of a newer format, or a row that is none, is never overwritten, and can be ended")
{
    struct damage {
        std::string column, value;
        errc seen_as;
    };
    const file_in_folder here;
    fixture f;
    for (const auto& [column, value, why] : {damage{"format", "2", errc::newer_format},
                                             {"format", "0", errc::corrupt},
                                             {"kind", "9", errc::corrupt},
                                             {"expires", "-1", errc::corrupt},
                                             {"keep_until", "9223372036854775807", errc::corrupt},
                                             {"idle", "-1", errc::corrupt}}) {
        CAPTURE(column);
        CAPTURE(value);
        const auto key = f.new_key();
        f.put(key, "red");
        shell sql;
        sql("UPDATE sessions SET " + column + " = " + value + where(key));
        const auto row = [&] {
            return sql("SELECT format||' '||kind||' '||revision||' '||expires||' '||keep_until||' '||idle||' '||payload"
                       " FROM sessions" +
                       where(key));
        };
        const std::string before = row();
        CHECK(f.wait(f.store().load(key, soon())).error().code == why);
        CHECK(f.wait(f.store().put(key, plain_changes(), "blue", precondition::none(), f.now, soon())).error().code ==
              why);
        CHECK(f.wait(f.store().extend(key, f.now + 1h, 1min, soon())).error().code == why);
        CHECK(row() == before);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon())).value()->about.what == kind::ended);
    }
}

TEST_CASE("what may be forgotten is removed, and nothing else")
{
    const file_in_folder here;
    const auto count = [] { return shell()("SELECT count(*) FROM sessions"); };
    session_key live{handle_maker()("nobody"), {}};
    session_key unknown = live;
    {
        fixture f;
        live = f.new_key();
        f.put(live, "live");
        f.now -= 3h;
        f.parallel(450, [&](std::size_t) -> awaitable<void> {
            co_await f.store().put(f.new_key(), plain_changes(), "x", precondition::none(), f.now, soon());
        });
        unknown = f.new_key();
        f.put(unknown, "x");
        shell()("UPDATE sessions SET format = 2" + where(unknown));
        CHECK(count() == "452");
    }
    fixture f; // sweeps as it starts
    const auto patience = std::chrono::steady_clock::now() + 20s;
    while (count() != "2" && std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(5ms);
    CHECK(count() == "2");
    CHECK(f.wait(f.store().load(live, soon())).value()->payload == "live");
    CHECK(f.wait(f.store().load(unknown, soon())).error().code == errc::newer_format);
}

TEST_CASE("what has ended does not stay readable in the file")
{
    const file_in_folder here;
    const std::string secret(5000, 'S');
    {
        fixture f;
        const auto key = f.new_key();
        f.put(key, secret);
        CHECK(bytes_of(file.string() + "-wal").find(secret.substr(0, 1000)) != std::string::npos);
        f.end(key);
    }
    CHECK(bytes_of(file).find(secret.substr(0, 100)) == std::string::npos);
}

TEST_CASE("another application's database is refused and left as it is")
{
    const file_in_folder here;
    fs::create_directories(file.parent_path());
    std::string reason;
    SUBCASE("SQLite's")
    {
        reason = "sessions.db is another application's database";
        shell()("CREATE TABLE customers (name)");
        CHECK(says(bytes_of(file), "customers"));
    }
    SUBCASE("not SQLite's")
    {
        reason = "sessions.db: file is not a database";
        std::ofstream(file) << std::string(10'000, 'x');
    }
    const std::string before = bytes_of(file);
    const std::string answer = refusal_of();
    CHECK(says(answer, reason));
    CHECK(bytes_of(file) == before);
    CHECK_THROWS_AS(check_backend(url()), std::runtime_error);
}

TEST_CASE("a file of a newer release is refused, and the message names both versions")
{
    const file_in_folder here;
    CHECK(refusal_of() == "opened");
    shell()("PRAGMA user_version = 99");
    CHECK(says(refusal_of(), "schema version 99, and this release knows 1"));
    CHECK(shell()("PRAGMA user_version") == "99");
}

TEST_CASE("a check passes a sound file, finds a damaged one, and makes none")
{
    const file_in_folder here;
    CHECK_NOTHROW(check_backend(url()));
    CHECK_FALSE(fs::exists(file.parent_path()));
    {
        fixture f;
        for (int i = 0; i < 200; ++i)
            f.put(f.new_key(), std::string(500, 'x'));
        CHECK_NOTHROW(check_backend(url())); // while a daemon is at it
    }
    CHECK_NOTHROW(check_backend(url()));
    std::fstream damaged(file, std::ios::in | std::ios::out | std::ios::binary);
    damaged.seekp(20480);
    damaged << std::string(12288, '\x5a');
    damaged.close();
    CHECK_THROWS_WITH_AS(check_backend(url()), doctest::Contains("damaged"), std::runtime_error);
}

} // namespace coatcheck::conformance
