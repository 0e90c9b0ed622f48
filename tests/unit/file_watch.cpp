#include "server/file_watch.hpp"
#include "tests/support/temporary_folder.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <optional>

using namespace coatcheck;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct watched {
    testing::temporary_folder folder;
    boost::asio::io_context context;
    int changes = 0;
    std::optional<file_watch> watch;

    void start(std::vector<std::string> names)
    {
        for (auto& name : names)
            name = folder / name;
        watch.emplace(context, std::move(names), [this] { ++changes; }, 5ms);
    }

    // Runs until there are so many changes, or it is clear that there will not be.
    bool sees(int n)
    {
        const auto give_up = std::chrono::steady_clock::now() + 5s;
        while (changes < n && std::chrono::steady_clock::now() < give_up)
            context.run_one_for(1s);
        return changes == n;
    }

    bool stays_at(int n)
    {
        context.run_for(50ms);
        return changes == n;
    }
};

} // namespace

TEST_CASE("a file that nobody touches is no change")
{
    watched w;
    w.folder.write("tokens", "a");
    w.start({"tokens", "missing"});
    CHECK(w.stays_at(0));
}

TEST_CASE("a file written in place is one change, even if its size stays")
{
    watched w;
    // Long ago, since the file system's clock ticks too slowly to tell this writing from the next.
    fs::last_write_time(w.folder.write("tokens", "a"), fs::file_time_type::clock::now() - 1h);
    w.start({"tokens"});
    w.folder.write("tokens", "b");
    CHECK(w.sees(1));
    CHECK(w.stays_at(1));
    w.folder.write("tokens", "longer");
    CHECK(w.sees(2));
}

TEST_CASE("a file replaced by rename is a change")
{
    watched w;
    w.folder.write("tokens", "a");
    w.start({"tokens"});
    fs::rename(w.folder.write("tokens.new", "b"), w.folder / "tokens");
    CHECK(w.sees(1));
}

TEST_CASE("the link that Kubernetes swaps is a change")
{
    watched w;
    const auto old_file = w.folder.write("..1/tokens", "a");
    const auto new_file = w.folder.write("..2/tokens", "b");
    fs::last_write_time(new_file, fs::last_write_time(old_file));
    fs::create_directory_symlink("..1", w.folder / "..data");
    fs::create_symlink("..data/tokens", w.folder / "tokens");
    w.start({"tokens"});

    fs::create_directory_symlink("..2", w.folder / "..data_tmp");
    fs::rename(w.folder / "..data_tmp", w.folder / "..data");

    CHECK(w.sees(1));
}

TEST_CASE("files that change together are one change")
{
    watched w;
    w.folder.write("cert", "a");
    w.folder.write("key", "a");
    w.start({"cert", "key"});
    w.folder.write("cert", "longer");
    w.folder.write("key", "longer");
    CHECK(w.sees(1));
    CHECK(w.stays_at(1));
}

TEST_CASE("a file that vanishes and one that appears are changes")
{
    watched w;
    w.folder.write("tokens", "a");
    w.start({"tokens"});
    fs::remove(w.folder / "tokens");
    CHECK(w.sees(1));
    w.folder.write("tokens", "a");
    CHECK(w.sees(2));
}

TEST_CASE("a watch that has ended calls nobody, not even from its own call")
{
    watched w;
    w.folder.write("tokens", "a");
    w.start({"tokens"});
    w.folder.write("tokens", "longer");
    w.watch.reset();
    CHECK(w.stays_at(0));

    int calls = 0;
    w.watch.emplace(
        w.context, std::vector{w.folder / "tokens"},
        [&] {
            ++calls;
            w.watch.reset();
        },
        5ms);
    w.folder.write("tokens", "even longer");
    w.context.restart();
    w.context.run_for(5s); // ends by itself, since nothing is left to wait for
    CHECK(calls == 1);
    CHECK(!w.watch);
}
