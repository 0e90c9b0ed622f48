// file://: what is true of a store in a folder alone.

#include "backends/filesystem/medium.hpp"
#include "backends/filesystem/session_file.hpp"
#include "tests/conformance/filesystem_store.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

constexpr auto owner_only = fs::perms::owner_read | fs::perms::owner_write;

// Where many files take little time.
fs::path memory()
{
    const fs::path shared = "/dev/shm";
    return access(shared.c_str(), W_OK) == 0 ? shared : fs::temp_directory_path();
}

} // namespace

TEST_CASE("a URL that is wrong says so")
{
    const store_in_folder here;
    CHECK(says(refusal_of("file://sessions"), "three slashes"));
    CHECK(says(refusal_of("file://user@/var/lib/sessions"), "three slashes"));
    CHECK(says(refusal_of("file://"), "absolute path"));
    CHECK(says(refusal_of("file:///"), "absolute path"));
    CHECK(says(refusal_of("file:///proc/nothing/sessions"), "cannot make the folder"));
    CHECK(says(refusal_of(store_url() + "?threads=4"), "threads"));
    CHECK(!fs::exists(here.root()));
    CHECK(refusal_of(store_url() + "/") == "opened");
}

TEST_CASE("folders and files are their owner's alone, whatever the umask")
{
    const store_in_folder here;
    const mode_t before = umask(0);
    {
        fixture f;
        const auto key = f.new_key();
        f.put(key, "red");
        CHECK(fs::status(file_of(key)).permissions() == owner_only);
    }
    umask(before);
    for (const auto& entry : fs::recursive_directory_iterator(here.around())) {
        CAPTURE(entry.path().string());
        CHECK(entry.status().permissions() == (entry.is_directory() ? fs::perms::owner_all : owner_only));
    }
}

TEST_CASE("what a store claims is what its file system can keep")
{
    using filesystem::medium_of;
    const auto disk = medium_of(std::uint32_t{0xef53}); // ext4
    CHECK(disk.conditional_writes == kept_by::store);
    CHECK(disk.durable);
    CHECK(disk.says.means == "synced to the disk, file and folder");
    CHECK(disk.says.warning.empty());
    const auto memory = medium_of(std::uint32_t{0x01021994}); // tmpfs
    CHECK(memory.conditional_writes == kept_by::store);
    CHECK(!memory.durable);
    CHECK(says(memory.says.warning, "gone when the machine restarts"));
    const auto overlay = medium_of(std::uint32_t{0x794c7630});
    CHECK(overlay.durable);
    CHECK(says(overlay.says.warning, "mount a volume"));
    for (const auto& [magic, name] : {std::pair{0x6969U, "NFS"}, {0xff534d42U, "CIFS"}, {0x65735546U, "FUSE"}}) {
        const auto remote = medium_of(std::uint32_t{magic});
        CHECK(remote.conditional_writes == kept_by::daemon);
        CHECK(!remote.durable);
        CHECK(says(remote.says.means, name));
        CHECK(says(remote.says.warning, "one machine"));
    }

    const store_in_folder here;
    fixture f;
    const auto medium = medium_of(here.root());
    CHECK(f.store().caps().durable == medium.durable);
    CHECK(f.store().caps().conditional_writes == medium.conditional_writes);
    CHECK(f.store().caps().ended_records == tombstones::kept);
    CHECK(f.store().caps().max_payload == filesystem::max_payload);
    CHECK(f.store().acknowledges().means == medium.says.means);
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("a session is one file, and a write leaves nothing else behind")
{
    const store_in_folder here;
    fixture f;
    std::vector<session_key> keys;
    for (int i = 0; i < 20; ++i) {
        keys.push_back(f.new_key());
        f.put(keys.back(), "red");
        f.put(keys.back(), "blue");
        CHECK(fs::is_regular_file(file_of(keys.back())));
    }
    f.end(keys.front());
    CHECK(count_files() == keys.size());
    CHECK(fs::is_empty(here.root() / "tmp"));
}

TEST_CASE("a store that is opened again holds everything")
{
    const store_in_folder here;
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
    fixture f;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const bool same = try_load(f, keys[i]).value() == before[i];
        CHECK(same);
    }
}

TEST_CASE("the largest payload is taken, and makes way for a small one")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    const std::string payload(filesystem::max_payload, 'x');
    CHECK(f.put(key, payload).what == write::outcome::created);
    const bool same = payload_in(f, key) == payload;
    CHECK(same);
    f.put(key, "small");
    CHECK(f.load(key)->payload == "small");
}

TEST_CASE("two thousand live sessions are all kept")
{
    const testing::temporary_folder fast(memory());
    const store_in_folder here(fast.path() / "sessions");
    constexpr std::size_t writers = 64, each = 32;
    std::vector<session_key> keys;
    fixture f;
    while (keys.size() < writers * each)
        keys.push_back(f.new_key());
    std::atomic<std::size_t> wrong = 0;
    f.parallel(writers, [&](std::size_t i) -> awaitable<void> {
        for (std::size_t n = i * each; n < (i + 1) * each; ++n) {
            const auto w =
                co_await f.store().put(keys[n], plain_changes(), "red", precondition::absent(), f.now, soon());
            wrong += w && w->what == write::outcome::created ? 0 : 1;
        }
    });
    f.parallel(writers, [&](std::size_t i) -> awaitable<void> {
        for (std::size_t n = i * each; n < (i + 1) * each; ++n) {
            const auto held = co_await f.store().load(keys[n], soon());
            wrong += held && *held && (*held)->payload == "red" ? 0 : 1;
        }
    });
    CHECK(wrong == 0);
    CHECK(count_files() == keys.size());
}

TEST_CASE("what may be forgotten is removed, and nothing else")
{
    const testing::temporary_folder fast(memory());
    const store_in_folder here(fast.path() / "sessions");
    std::vector<session_key> stay;
    {
        fixture f;
        for (int i = 0; i < 3; ++i) {
            stay.push_back(f.new_key());
            f.put(stay.back(), "live");
        }
        f.now -= 3h;
        std::atomic<std::size_t> written = 0;
        f.parallel(300, [&](std::size_t) -> awaitable<void> {
            const auto w =
                co_await f.store().put(f.new_key(), plain_changes(), "x", precondition::none(), f.now, soon());
            written += w ? 1 : 0;
        });
        CHECK(written == 300);
        for (int i = 0; i < 2; ++i) {
            stay.push_back(f.new_key());
            f.put(stay.back(), "x");
        }
        auto bytes = bytes_of(file_of(stay[3]));
        bytes[3] = 2; // a later release's
        write_bytes(file_of(stay[3]), bytes);
        bytes = bytes_of(file_of(stay[4]));
        bytes.back() = 'y'; // damaged, and it looks as if it could be forgotten
        write_bytes(file_of(stay[4]), bytes);
        write_bytes(file_of(stay[4]).parent_path() / "notes", "an operator's");
    }
    fixture f; // sweeps as it starts
    CHECK(before_long([] { return count_files() <= 6; }));
    CHECK(count_files() == 6);
    CHECK(payload_in(f, stay[0]) == "live");
    CHECK(try_load(f, stay[3]).error().code == errc::newer_format);
    CHECK(try_load(f, stay[4]).error().code == errc::corrupt);
}

TEST_CASE("what a crash left in tmp is removed an hour later")
{
    const store_in_folder here;
    CHECK(refusal_of() == "opened");
    const auto file = [&](const char* name, std::chrono::minutes age) {
        const auto at = here.root() / "tmp" / name;
        write_bytes(at, "half a rec");
        fs::last_write_time(at, fs::file_time_type::clock::now() - age);
        return at;
    };
    const auto old = file("new-1", 61min);
    const auto young = file("new-2", 59min);
    const auto other = file("notes", 61min);
    fixture f;
    CHECK(before_long([&] { return !fs::exists(old); }));
    CHECK(fs::exists(young));
    CHECK(fs::exists(other));
}

TEST_CASE("a process without file descriptors refuses, and goes on when it has some")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{3, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto held = try_load(f, key);
    const auto written = try_put(f, key, "blue");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(held.error().code == errc::unavailable);
    CHECK(written.error().code == errc::unavailable);
    CHECK(f.load(key)->payload == "red");
    f.put(key, "blue");
}

TEST_CASE("a check passes a sound store, finds a damaged one, and makes none")
{
    const store_in_folder here;
    CHECK_NOTHROW(check_backend(store_url()));
    CHECK(!fs::exists(here.root().parent_path()));
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    f.end(f.new_key());
    CHECK_NOTHROW(check_backend(store_url()));
    fs::resize_file(file_of(key), fs::file_size(file_of(key)) - 1);
    CHECK_THROWS_WITH_AS(check_backend(store_url()), doctest::Contains(std::string(key.name.str()).c_str()),
                         std::runtime_error);
    CHECK_THROWS_AS(check_backend("file:///dev/null/sessions"), std::runtime_error);
}

} // namespace coatcheck::conformance
