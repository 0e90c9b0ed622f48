// SQLite on a disk that is full or cannot be written: small real file systems, which take root.

#include "tests/conformance/small_disk.hpp"
#include "tests/conformance/sqlite_file.hpp"

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

// A file on a small disk that the suite uses.
class small_disk : public testing::small_disk {
public:
    explicit small_disk(const std::string& options) : testing::small_disk(options), here_(folder() / "sessions.db") {}

private:
    file_in_folder here_;
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
