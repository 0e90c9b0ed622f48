// file:// on a disk that is full or cannot be written.

#include "tests/conformance/filesystem_store.hpp"
#include "tests/conformance/small_disk.hpp"

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

// A small disk, and a folder on it that the suite uses.
class small_disk : public testing::small_disk {
public:
    explicit small_disk(const std::string& options) : testing::small_disk(options), here_(folder() / "sessions") {}

private:
    store_in_folder here_;
};

// New sessions until one is refused.
struct filled {
    std::vector<session_key> written;
    errc why;
};
filled put_until_it_fails(fixture& f, std::size_t payload)
{
    filled done;
    for (;;) {
        const auto key = f.new_key();
        const auto w = try_put(f, key, std::string(payload, 'x'));
        if (!w) {
            done.why = w.error().code;
            return done;
        }
        done.written.push_back(key);
    }
}

std::vector<session_key> put_some(fixture& f, int count, std::size_t payload)
{
    std::vector<session_key> keys;
    for (int i = 0; i < count; ++i) {
        keys.push_back(f.new_key());
        f.put(keys.back(), std::string(payload, 'x'));
    }
    return keys;
}

} // namespace

TEST_CASE("a full disk refuses writes, keeps what was there, and is written again when it has room")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    fixture f;
    CHECK(!f.store().caps().durable);
    const auto key = f.new_key();
    f.put(key, std::string(3000, 'r'));
    disk.fill_up_to(1U << 20U);
    const auto others = put_until_it_fails(f, 30'000);
    CHECK(others.why == errc::full);

    const std::string big(1 << 20, 'b');
    CHECK(try_put(f, key, big).error().code == errc::full);
    CHECK(f.load(key)->payload == std::string(3000, 'r'));
    for (const auto& other : others.written)
        CHECK(payload_in(f, other).size() == 30'000);
    CHECK(fs::is_empty(store_in_folder::root() / "tmp"));

    disk.give_room();
    CHECK(f.put(key, big).what == write::outcome::replaced);
    CHECK(f.load(key)->payload == big);
}

TEST_CASE("a full disk lets sessions be used and ended, and gives the room of those that ended")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    fixture f;
    const auto keys = put_some(f, 100, 6000);
    disk.fill_up_to(1U << 20U);
    put_until_it_fails(f, 30'000);
    put_until_it_fails(f, 1);
    CHECK(fs::space(disk.folder()).available == 0);
    f.now += 30min;
    for (const auto& key : keys) {
        CHECK(f.extend(key)->last_seen == f.now);
        CHECK(f.load(key)->payload.size() == 6000);
    }
    f.now += 10min;
    for (const auto& key : keys)
        f.end(key);
    for (const auto& key : keys) {
        CHECK(f.load(key)->about.what == kind::ended);
        CHECK(bytes_of(file_of(key)).find("xxxx") == std::string::npos);
    }
    CHECK(fs::space(disk.folder()).available >= 100 * 4096);
    f.put(f.new_key(), std::string(30'000, 'x'));
}

TEST_CASE("on a full disk a second name of a session's file keeps what it has, and one that is no session's is ended")
{
    const small_disk disk("size=1m");
    if (!disk)
        return;
    fixture f;
    const auto keys = put_some(f, 2, 3000);
    const auto copy = disk.folder() / "copy";
    fs::create_hard_link(file_of(keys[0]), copy);
    write_bytes(file_of(keys[1]), std::string(3000, 'n'));
    const std::string before = bytes_of(copy);
    put_until_it_fails(f, 30'000);
    put_until_it_fails(f, 1);

    CHECK(try_end(f, keys[0]).error().code == errc::full);
    CHECK(try_extend(f, keys[0], f.now + 30min).error().code == errc::full);
    CHECK(bytes_of(copy) == before);
    CHECK(try_end(f, keys[1]).has_value());
    CHECK(try_load(f, keys[1]).value()->about.what == kind::ended);

    fs::remove(copy);
    CHECK(try_end(f, keys[0]).has_value());
}

TEST_CASE("a disk that cannot take one file more keeps what was there, and takes more when it can")
{
    const small_disk disk("size=16m,nr_inodes=120");
    if (!disk)
        return;
    fixture f;
    const auto keys = put_some(f, 10, 3000);
    const auto others = put_until_it_fails(f, 10);
    CHECK(others.why == errc::full);
    CHECK(others.written.size() > 10);
    const auto last = others.written.back();
    CHECK(payload_in(f, last) == std::string(10, 'x'));
    put_until_it_fails(f, 10);
    CHECK(try_put(f, keys[0], "blue").error().code == errc::full);
    CHECK(payload_in(f, keys[0]).size() == 3000);
    f.now += 30min;
    for (const auto& key : keys)
        CHECK(f.extend(key)->last_seen == f.now);
    f.end(keys[1]);

    fs::remove(file_of(last));
    f.put(keys[0], "blue");
}

TEST_CASE("a daemon starts on a full disk, and refuses to begin a store there")
{
    const small_disk disk("size=1m");
    if (!disk)
        return;
    session_key key{handle_maker()("nobody"), {}};
    {
        fixture f;
        key = f.new_key();
        f.put(key, "red");
        put_until_it_fails(f, 30'000);
        put_until_it_fails(f, 1);
    }
    fixture f;
    CHECK(payload_in(f, key) == "red");
    CHECK(try_end(f, key).has_value());
    CHECK(says(refusal_of("file://" + (disk.folder() / "new").string()), "No space left"));
}

TEST_CASE("a disk that becomes read-only under load serves what it has, and is written again when it can be")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    fixture f;
    const auto keys = put_some(f, 16, 10);
    std::atomic<bool> over = false;
    std::atomic<int> refused = 0, recovered = 0, wrong = 0;
    std::jthread operator_([&] {
        CHECK(before_long([&] { return disk.try_make_read_only(); }));
        CHECK(before_long([&] { return refused >= 16; }));
        disk.make_writable();
        CHECK(before_long([&] { return recovered >= 16; }));
        over = true;
    });
    f.parallel(keys.size(), [&](std::size_t i) -> awaitable<void> {
        std::string last(10, 'x');
        for (int n = 0; !over; ++n) {
            const std::string next = std::to_string(n);
            const auto changes = plain_changes();
            const auto w = co_await f.store().put(keys[i], changes, next, precondition::none(), f.now, soon());
            if (w)
                last = next;
            else if (w.error().code == errc::unavailable)
                ++refused;
            else
                ++wrong;
            recovered += w && refused >= 16 ? 1 : 0;
            const auto held = co_await f.store().load(keys[i], soon());
            wrong += held && *held && (*held)->payload == last ? 0 : 1;
        }
    });
    CHECK(wrong == 0);
}

TEST_CASE("a store that cannot be written is refused at start, and by a check")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    {
        fixture f;
        f.put(f.new_key(), "red");
    }
    disk.make_read_only();
    CHECK(says(refusal_of(), "cannot write in the folder"));
    CHECK_THROWS_WITH_AS(check_backend(store_url()), doctest::Contains("cannot write"), std::runtime_error);
    const std::string elsewhere = "file://" + (disk.folder() / "new" / "sessions").string();
    CHECK(says(refusal_of(elsewhere), "cannot make the folder"));
    CHECK_THROWS_WITH_AS(check_backend(elsewhere), doctest::Contains("cannot write"), std::runtime_error);
}

} // namespace coatcheck::conformance
