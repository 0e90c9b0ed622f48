// SQLite on a disk that is full or cannot be written: small real file systems, which take root.

#include "tests/conformance/sqlite_file.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <fstream>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

bool without_disks = false;

// A test that could not have its disk makes the run a skip, unless another one failed.
struct skip_at_the_end : doctest::IReporter {
    explicit skip_at_the_end(const doctest::ContextOptions&) {}
    void test_run_end(const doctest::TestRunStats& run) override
    {
        if (without_disks && run.numTestCasesFailed == 0)
            testing::missing("root and the right to mount (CAP_SYS_ADMIN), for tests of full disks");
    }
    void report_query(const doctest::QueryData&) override {}
    void test_run_start() override {}
    void test_case_start(const doctest::TestCaseData&) override {}
    void test_case_reenter(const doctest::TestCaseData&) override {}
    void test_case_end(const doctest::CurrentTestCaseStats&) override {}
    void test_case_exception(const doctest::TestCaseException&) override {}
    void subcase_start(const doctest::SubcaseSignature&) override {}
    void subcase_end() override {}
    void log_assert(const doctest::AssertData&) override {}
    void log_message(const doctest::MessageData&) override {}
    void test_case_skipped(const doctest::TestCaseData&) override {}
};
DOCTEST_REGISTER_LISTENER("skip at the end", 1, skip_at_the_end);

// A file system of its own that nobody else sees, and a file on it that the suite uses.
class small_disk {
public:
    explicit small_disk(const std::string& options) : here_(mount_at_.path() / "sessions.db")
    {
        // Only this thread, and those that it starts, move into the new namespace.
        mounted_ = unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   mount("tmpfs", mount_at_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
        without_disks = without_disks || !mounted_;
    }
    ~small_disk()
    {
        if (mounted_)
            umount2(mount_at_.path().c_str(), MNT_DETACH);
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    explicit operator bool() const noexcept { return mounted_; }
    const fs::path& folder() const noexcept { return mount_at_.path(); }

    void make_read_only() const
    {
        REQUIRE(mount("tmpfs", folder().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0);
    }

    // Another's file, which takes all the room but `left` bytes.
    void fill_up_to(std::size_t left) const
    {
        const std::size_t room = fs::space(folder()).available;
        REQUIRE(room > left);
        std::ofstream(folder() / "other") << std::string(room - left, 'x');
        CHECK(fs::space(folder()).available <= left + 4096);
    }
    void give_room() const { fs::remove(folder() / "other"); }

private:
    testing::temporary_folder mount_at_;
    file_in_folder here_;
    bool mounted_ = false;
};

errc put_until_it_fails(fixture& f, std::size_t payload)
{
    for (;;) {
        const auto w = f.wait(f.store().put(f.new_key(), plain_changes(), std::string(payload, 'x'),
                                            precondition::none(), f.now, soon()));
        if (!w)
            return w.error().code;
    }
}

} // namespace

TEST_CASE("a full disk refuses writes, keeps what was there, and is written again when it has room")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    fixture f;
    const auto key = f.new_key();
    f.put(key, std::string(3000, 'r'));
    disk.fill_up_to(1U << 20U);
    CHECK(put_until_it_fails(f, 30'000) == errc::full);

    const std::string big(1 << 20, 'b');
    CHECK(f.wait(f.store().put(key, plain_changes(), big, precondition::none(), f.now, soon())).error().code ==
          errc::full);
    CHECK(f.load(key)->payload == std::string(3000, 'r'));

    disk.give_room();
    CHECK(f.put(key, big).what == write::outcome::replaced);
    CHECK(f.load(key)->payload == big);
    CHECK(shell()("PRAGMA integrity_check") == "ok");
}

TEST_CASE("a full disk lets sessions be used and ended")
{
    const small_disk disk("size=16m");
    if (!disk)
        return;
    fixture f;
    std::vector<session_key> keys;
    for (int i = 0; i < 200; ++i) {
        keys.push_back(f.new_key());
        f.put(keys.back(), std::string(500, 'x'));
    }
    disk.fill_up_to(1U << 20U);
    CHECK(put_until_it_fails(f, 30'000) == errc::full);
    put_until_it_fails(f, 1);
    CHECK(fs::space(disk.folder()).available < 4096);
    f.now += 30min;
    for (const auto& key : keys)
        CHECK(f.extend(key)->last_seen == f.now);
    for (const auto& key : keys)
        f.end(key);
}

TEST_CASE("a disk that cannot take one file more is refused at start")
{
    const small_disk disk("nr_inodes=2");
    if (!disk)
        return;
    CHECK(says(refusal_of(), "unable to open database file"));
}

TEST_CASE("a file that cannot be written is refused at start")
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
    CHECK(says(refusal_of("sqlite://" + (disk.folder() / "new" / "sessions.db").string()), "cannot make the folder"));
}

} // namespace coatcheck::conformance
