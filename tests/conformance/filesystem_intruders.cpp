// file:// and what others put into its folder: links, foreign files, damage, removal.

#include "tests/conformance/filesystem_store.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace coatcheck::conformance {

namespace {

namespace fs = std::filesystem;

// Everything below a folder, with its contents.
std::string picture_of(const fs::path& folder)
{
    std::vector<std::string> entries;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        entries.push_back(entry.path().string() + " " + (entry.is_regular_file() ? bytes_of(entry.path()) : ""));
    std::ranges::sort(entries);
    std::string all;
    for (const auto& each : entries)
        all += each + "\n";
    return all;
}

// Moves `at` away and leaves a symbolic link to where it is.
fs::path move_behind_a_link(const fs::path& at, const fs::path& away)
{
    fs::rename(at, away);
    fs::create_symlink(away, at);
    return away;
}

} // namespace

TEST_CASE("a symbolic link is followed nowhere in the store")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    const auto away = here.around() / "away";
    const fs::path file = file_of(key);
    fs::path planted;
    SUBCASE("sessions")
    {
        planted = here.root() / "sessions";
    }
    SUBCASE("the first folder")
    {
        planted = file.parent_path().parent_path();
    }
    SUBCASE("the second folder")
    {
        planted = file.parent_path();
    }
    SUBCASE("the file")
    {
        planted = file;
    }
    SUBCASE("tmp")
    {
        planted = here.root() / "tmp";
    }
    SUBCASE("locks")
    {
        planted = here.root() / "locks";
    }
    CAPTURE(planted.string());
    move_behind_a_link(planted, away);
    const std::string before = fs::is_directory(away) ? picture_of(away) : bytes_of(away);
    fixture other; // a daemon that starts now, and has nothing open
    const auto held = try_load(other, key);
    if (planted == here.root() / "locks") {
        REQUIRE(held.has_value());
        CHECK((*held)->payload == "red");
    } else {
        CHECK(held.error().code == (planted == file ? errc::corrupt : errc::unavailable));
    }
    CHECK(!try_put(other, key, "blue").has_value());
    CHECK(!try_extend(other, key, f.now + 30min).has_value());
    const auto ended = try_end(other, key);
    CHECK(ended.has_value() == (planted == file)); // the link is replaced
    CHECK((fs::is_directory(away) ? picture_of(away) : bytes_of(away)) == before);

    fs::remove(planted);
    fs::rename(away, planted);
    CHECK(payload_in(other, key) == "red");
    CHECK(try_put(other, key, "blue").has_value());
}

TEST_CASE("the store's folder itself may be behind a symbolic link")
{
    const store_in_folder here;
    fs::create_directories(here.around() / "disk");
    fs::create_symlink(here.around() / "disk", here.around() / "state");
    fixture f;
    f.put(f.new_key(), "red");
    CHECK(fs::exists(here.around() / "disk" / "sessions" / "format"));
}

TEST_CASE("a file that is damaged, or no session's, is never written over, and can be ended")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    const std::string sound = bytes_of(file_of(key));
    std::vector<std::pair<std::string, errc>> damages;
    for (std::size_t n = 0; n < sound.size(); n += n < 20 ? 1 : 7)
        damages.emplace_back(sound.substr(0, n), errc::corrupt);
    for (std::size_t n = 4; n < sound.size(); n += 5) {
        damages.emplace_back(sound, errc::corrupt);
        damages.back().first[n] ^= 1;
    }
    damages.emplace_back(std::string(sound.size(), '\0'), errc::corrupt);
    damages.emplace_back("somebody's notes, which are long enough to be a record if they were one, and no frame",
                         errc::corrupt);
    damages.emplace_back(sound, errc::newer_format);
    damages.back().first[3] = 2;
    for (const auto& [bytes, why] : damages) {
        CAPTURE(bytes);
        write_bytes(file_of(key), bytes);
        CHECK(try_load(f, key).error().code == why);
        CHECK(try_put(f, key, "blue").error().code == why);
        CHECK(try_extend(f, key, f.now + 30min).error().code == why);
        CHECK(bytes_of(file_of(key)) == bytes);
    }
    CHECK(try_end(f, key).has_value());
    CHECK(try_load(f, key).value()->about.what == kind::ended);
    write_bytes(file_of(key), damages.front().first);
    CHECK(try_end(f, key).has_value());
    CHECK(try_load(f, key).value()->about.what == kind::ended);
}

TEST_CASE("bytes behind a record do not matter")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    write_bytes(file_of(key), bytes_of(file_of(key)) + "left over");
    CHECK(f.load(key)->payload == "red");
    f.put(key, "blue");
}

TEST_CASE("what is in a session's place and is no file holds nobody up")
{
    const store_in_folder here;
    fixture f;
    for (const bool folder : {false, true}) {
        CAPTURE(folder);
        const auto key = f.new_key();
        f.put(key, "red");
        fs::remove(file_of(key));
        if (folder)
            fs::create_directory(file_of(key));
        else
            REQUIRE(mkfifo(file_of(key).c_str(), 0600) == 0);
        CHECK(try_load(f, key).error().code == errc::corrupt);
        CHECK(try_put(f, key, "blue").error().code == errc::corrupt);
        CHECK(try_end(f, key).has_value() != folder);
    }
}

TEST_CASE("a folder that is not a store, or not of this release, is refused and left as it is")
{
    const store_in_folder here;
    fs::create_directories(here.root());
    std::string reason;
    SUBCASE("a folder of other files")
    {
        reason = "holds other files, such as notes";
        write_bytes(here.root() / "notes", "an operator's");
    }
    SUBCASE("a later release's")
    {
        reason = "has format 2, and this release knows 1";
        write_bytes(here.root() / "format", "coatcheck sessions, format 2\n");
    }
    SUBCASE("a marker that is another's")
    {
        reason = "not coatcheckd's";
        write_bytes(here.root() / "format", "PNG");
    }
    SUBCASE("a marker without its number")
    {
        reason = "not coatcheckd's";
        write_bytes(here.root() / "format", "coatcheck sessions, format ");
    }
    SUBCASE("a marker behind a link")
    {
        reason = "symbolic link";
        write_bytes(here.around() / "format", "coatcheck sessions, format 1\n");
        fs::create_symlink(here.around() / "format", here.root() / "format");
    }
    SUBCASE("a folder that everybody may write")
    {
        reason = "chmod o-w";
        fs::permissions(here.root(), fs::perms::all);
    }
    const std::string before = picture_of(here.around());
    CHECK(says(refusal_of(), reason));
    CHECK_THROWS_WITH_AS(check_backend(store_url()), doctest::Contains(reason.c_str()), std::runtime_error);
    CHECK(picture_of(here.around()) == before);
}

TEST_CASE("a first start that did not get far is gone on with")
{
    const store_in_folder here;
    fs::create_directories(here.root() / "sessions");
    fs::create_directories(here.root() / "tmp");
    fs::create_directories(here.root() / "lost+found");
    CHECK(refusal_of() == "opened");
}

TEST_CASE("folders that an operator removes are made again")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    for (const auto* name : {"sessions", "tmp", "locks"}) {
        CAPTURE(name);
        fs::remove_all(here.root() / name);
        const auto next = f.new_key();
        CHECK(try_put(f, next, "blue").has_value());
        CHECK(payload_in(f, next) == "blue");
    }
    CHECK(payload_in(f, key) == "none");
}

TEST_CASE("a store that has gone is away, not empty, and is found again when it is back")
{
    const store_in_folder here;
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    const auto copy = here.around() / "copy";
    fs::copy(here.root(), copy, fs::copy_options::recursive);
    fs::remove_all(here.root());
    const auto check_away = [&] {
        for (int i = 0; i < 8; ++i) {
            CHECK(try_load(f, key).error().code == errc::unavailable);
            CHECK(try_put(f, f.new_key(), "blue").error().code == errc::unavailable);
        }
        CHECK(f.wait(f.store().probe(soon())).error().code == errc::unavailable);
    };
    check_away();
    fs::create_directories(here.root()); // such as a mount point without its disk
    check_away();
    CHECK(fs::is_empty(here.root()));
    fs::remove(here.root());
    fs::rename(copy, here.root());
    CHECK(payload_in(f, key) == "red");
    CHECK(try_put(f, key, "blue").has_value());
}

} // namespace coatcheck::conformance
