// memcached: the suite, and what is true of memcached alone.

#include "backends/registry.hpp"
#include "tests/conformance/memcached_server.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

namespace {

// Seconds that memcached will keep it.
long lifetime(memcached_shell& shell, const session_key& key)
{
    const auto reply = shell("mg " + memcached_key(key) + " t");
    INFO(reply);
    REQUIRE(reply.starts_with("HD t"));
    return std::stol(reply.substr(4));
}

} // namespace

// Over TCP in text; COATCHECK_TEST_MEMCACHED=unix, tls, auth, sasl or three runs the suite over those.
std::string store_url()
{
    const char* const set = std::getenv("COATCHECK_TEST_MEMCACHED");
    const std::string_view over = set != nullptr ? set : "";
    if (over == "unix") {
        static const testing::temporary_folder folder;
        static testing::server_process process(
            {std::string(COATCHECK_TEST_SERVERS) + "/memcached", "0", folder.path().string(), "-m", "256", "unix"},
            folder / "log");
        process.wait_for_path(folder.path() / "memcached.sock");
        return "memcached+unix://" + folder / "memcached.sock";
    }
    if (over == "tls") {
        static const memcached_authority ca;
        static const memcached_server server({"-m", "256", "tls=" + ca.folder()});
        return "memcacheds://localhost:" + std::to_string(server.port()) + "?ca=" + ca.file("ca.pem");
    }
    if (over == "auth") {
        static const memcached_server server({"-m", "256", "auth=app:secret"});
        return "memcached://app:secret@" + server.address();
    }
    if (over == "sasl") {
        static const memcached_server server({"-m", "256", "sasl=app:secret"});
        return "memcached://app%40coatcheck:secret@" + server.address() + "?sasl=yes";
    }
    if (over == "three") {
        static const memcached_server first({"-m", "128"});
        static const memcached_server second({"-m", "128"});
        return memcached_at(shared_memcached().port()) + "," + first.address() + "," + second.address() + "/";
    }
    return memcached_at(shared_memcached().port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "memcached", .url = &memcached_at, .refused = [] {
                            static const memcached_authority ca;
                            static const memcached_server file({"auth=app:right"});
                            static const memcached_server sasl({"sasl=app:right"});
                            static const memcached_server tls({"tls=" + ca.folder()});
                            const auto tls_port = std::to_string(tls.port());
                            return std::vector<std::string>{
                                "memcached://app:secret@" + file.address(),
                                "memcached://secret:right@" + file.address(),
                                "memcached://" + file.address(),
                                "memcached://app%40coatcheck:secret@" + sasl.address(),
                                "memcached://app%40coatcheck:secret@" + sasl.address() + "?sasl=yes",
                                "memcached://" + sasl.address(),
                                "memcached://app:secret@" + shared_memcached().address(),
                                "memcached://app:secret@" + shared_memcached().address() + "?sasl=yes",
                                "memcacheds://localhost:" + tls_port + "?ca=" + ca.file("other.pem"),
                                "memcacheds://127.0.0.1:" + tls_port + "?ca=" + ca.file("ca.pem"),
                                "memcached://localhost:" + tls_port,
                            };
                        }};
}

TEST_CASE("memcached: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const auto* url : {"memcached://",
                            "memcached://h/path",
                            "memcached://h?perfix=a",
                            "memcached://user@h",
                            "memcached://:pass@h",
                            "memcached://us%20er:pass@h",
                            "memcached://user:pa%0Ass@h",
                            "memcached://h,h",
                            "memcached://h:11211,h",
                            "memcached://h,/",
                            "memcached://h?prefix=a%20b",
                            "memcached://h?prefix=%C3%A4",
                            "memcached://h?prefix=a%0A",
                            "memcached://h?ca=/ca.pem",
                            "memcached://h?ketama=none",
                            "memcached://h?sasl=yes",
                            "memcached://u:p@h?sasl=no",
                            "memcacheds://h?ca=/there/is/none",
                            "memcacheds://h?cert=/only/the/certificate",
                            "memcached+unix://h/a.sock",
                            "memcached+unix://",
                            "memcached+unix:///a.sock?ketama=plain"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    CHECK_THROWS_AS(check_backend("memcached://h?prefix=" + std::string(208, 'p')), std::invalid_argument);
    check_backend("memcached://h?prefix=" + std::string(207, 'p'));
    check_backend("memcached://user:pass%20word@[::1]:11212,h2/?prefix=&ketama=plain");
    check_backend("memcacheds://h1,h2");
    check_backend("memcached+unix:///run/memcached.sock");
}

TEST_CASE("memcached: it keeps what it has in memory, and says so")
{
    for (const auto& [options, evicts] : {std::pair<std::vector<std::string>, bool>{{}, true},
                                          std::pair<std::vector<std::string>, bool>{{"-M"}, false}}) {
        const memcached_server server(options);
        fixture f(memcached_at(server.port()));
        connect_both(f);
        CHECK(f.store().caps().conditional_writes == kept_by::store);
        CHECK(f.store().caps().ended_records == tombstones::best_effort);
        CHECK(!f.store().caps().durable);
        const auto says = f.store().acknowledges();
        CHECK(says.means.find("memory") != std::string::npos);
        CHECK(says.warning.find("restart") != std::string::npos);
        CHECK((says.warning.find("evicts") != std::string::npos) == evicts);
    }
}

TEST_CASE("memcached: the key is the prefix and the handle, and has at most 250 bytes")
{
    memcached_shell shell(shared_memcached().port());
    for (const std::string& prefix : {std::string("app:"), std::string(), std::string(207, 'p')}) {
        fixture f(memcached_at(shared_memcached().port()) + "?prefix=" + prefix);
        const auto key = f.new_key();
        f.put(key, "red");
        CHECK(f.load(key)->payload == "red");
        CHECK(shell("mg " + prefix + std::string(key.name.str()) + " s") == "HD s87");
    }
}

TEST_CASE("memcached: an item goes at its record's keep_until, whatever wrote it last")
{
    memcached_shell shell(shared_memcached().port());
    fixture f(memcached_at(shared_memcached().port()));
    const auto key = f.new_key();
    const auto is_about = [&](std::chrono::seconds expected) {
        const auto seconds = lifetime(shell, key);
        CAPTURE(seconds);
        CHECK(seconds >= expected.count());
        CHECK(seconds <= expected.count() + 2);
    };
    f.put(key, "red");
    is_about(76min);
    f.put(key, "blue");
    is_about(76min);
    f.now += 20min;
    f.extend(key);
    is_about(96min);
    f.end(key, 5min);
    is_about(25min);
}

TEST_CASE("memcached: lifetimes beyond 30 days, of which memcached would make a date in 1970")
{
    memcached_shell shell(shared_memcached().port());
    fixture f(memcached_at(shared_memcached().port()));
    for (const std::chrono::minutes idle : {27 * 24h, 28 * 24h, 30 * 24h, 31 * 24h, 400 * 24h}) {
        const auto key = f.new_key();
        auto changes = plain_changes();
        changes.idle = idle;
        f.put(key, "red", precondition::none(), changes);
        const auto kept = idle + idle / 10 + 10min;
        const auto seconds = lifetime(shell, key);
        CAPTURE(idle.count());
        CAPTURE(seconds);
        CHECK(seconds >= std::chrono::seconds(kept).count() - 1);
        CHECK(seconds <= std::chrono::seconds(kept).count() + 4);
        CHECK(f.load(key)->payload == "red");
    }
}

TEST_CASE("memcached: what is over already does not stay for ever")
{
    memcached_shell shell(shared_memcached().port());
    fixture f(memcached_at(shared_memcached().port()));
    const auto key = f.new_key();
    f.put(key, "red");
    REQUIRE(f.wait(f.store().end(key, f.now, f.now - 1h, soon())).has_value());
    const auto start = std::chrono::steady_clock::now();
    while (shell("mg " + memcached_key(key) + " s") != "EN" && std::chrono::steady_clock::now() - start < 10s)
        std::this_thread::sleep_for(20ms);
    CHECK(shell("mg " + memcached_key(key) + " s") == "EN");
}

TEST_CASE("memcached: the largest session is what -I leaves, one byte more is not even sent and costs nothing")
{
    for (const auto& [option, size] :
         {std::pair<std::string, std::size_t>{"512k", 512U << 10U},
          std::pair<std::string, std::size_t>{"1m", 1U << 20U}, std::pair<std::string, std::size_t>{"3m", 3U << 20U}}) {
        CAPTURE(option);
        const memcached_server server({"-m", "256", "-I", option});
        memcached_shell shell(server.port());
        fixture f(memcached_at(server.port()) + "?prefix=" + std::string(207, 'p'));
        connect_both(f);
        const auto limit = *f.store().caps().max_payload;
        CHECK(limit > size - 2600);
        auto changes = plain_changes();
        changes.subject = std::string(max_subject_length, 's');
        changes.label = std::string(max_label_length, 'l');
        const auto key = f.new_key();
        const std::string largest(limit, 'x');
        f.put(key, largest, precondition::none(), changes);
        f.now += 30min;
        f.extend(key);
        CHECK((f.load(key)->payload == largest));
        const auto sets = shell.statistic("cmd_set");
        CHECK(code_of(try_put(f, key, largest + "x")) == errc::too_large);
        CHECK(code_of(try_put(f, f.new_key(), largest + "x")) == errc::too_large);
        CHECK(shell.statistic("cmd_set") == sets);
        CHECK((f.load(key)->payload == largest));
    }
}

TEST_CASE("memcached: a server that takes less than one is used to is asked before anything is sent")
{
    const memcached_server server({"-I", "512k"});
    fixture f(memcached_at(server.port()));
    // Nobody has connected yet, so the store seems to take what memcached's default takes.
    const auto key = f.new_key();
    const std::string payload(600'000, 'x');
    CHECK(code_of(try_put(f, key, payload)) == errc::too_large);
    memcached_shell shell(server.port());
    CHECK(shell.statistic("cmd_set") == 0);
}

TEST_CASE("memcached: a full server that evicts nothing refuses what needs memory and loses nothing")
{
    for (const auto* sasl : {"", "sasl=app:secret"}) {
        CAPTURE(sasl);
        std::vector<std::string> options{"-M", "-m", "8"};
        if (*sasl != '\0')
            options.emplace_back(sasl);
        const memcached_server server(options);
        fixture f(*sasl != '\0' ? "memcached://app%40coatcheck:secret@" + server.address() + "?sasl=yes"
                                : memcached_at(server.port()));
        const auto used = f.new_key();
        const auto left = f.new_key();
        const std::string red(20'000, 'r');
        f.put(used, red);
        f.put(left, red);
        // Large ones and ones of a tombstone's size, until neither finds room.
        for (const std::size_t size : {20'000, 1})
            for (int i = 0; i < 100'000; ++i)
                if (const auto written = try_put(f, f.new_key(), std::string(size, 'x')); !written) {
                    CHECK(written.error().code == errc::full);
                    break;
                }
        CHECK(code_of(try_put(f, f.new_key(), red)) == errc::full);
        CHECK(code_of(try_put(f, used, std::string(20'000, 'b'))) == errc::full);
        CHECK((payload_of(f, used) == red));
        const auto ended = f.wait(f.store().end(left, f.now, f.now + 1min, soon()));
        if (*sasl == '\0')
            CHECK(memcached_shell(server.port())("mg " + memcached_key(left) + " s").find('X') != std::string::npos);
        const auto after = f.wait(f.store().load(left, soon()));
        REQUIRE(after.has_value());
        if (*sasl == '\0') {
            REQUIRE_MESSAGE(ended.has_value(), ended.error().detail);
            REQUIRE(after->has_value());
            CHECK((*after)->about.what == kind::ended);
            CHECK((*after)->about.revision == 2);
            CHECK((*after)->payload.empty());
            const auto late = try_put(f, left, "late");
            REQUIRE(late.has_value());
            CHECK(refused_by(*late, errc::ended));
            CHECK(f.wait(f.store().end(left, f.now, f.now + 2min, soon())).has_value());
        } else {
            // The binary protocol knows no mark, so the session goes and its tombstone may find no room.
            const bool over = !after->has_value() || (*after)->about.what == kind::ended;
            CHECK(over);
            if (!ended)
                CHECK(ended.error().code == errc::full);
        }
        f.now += 20min;
        const auto extended = f.wait(f.store().extend(used, f.now, 10min, soon()));
        if (!extended)
            CHECK(extended.error().code == errc::full);
        CHECK((payload_of(f, used) == red));
    }
}

TEST_CASE("memcached: a full server that evicts takes what comes")
{
    const memcached_server server({"-m", "8"});
    fixture f(memcached_at(server.port()));
    for (int i = 0; i < 2000; ++i)
        REQUIRE(try_put(f, f.new_key(), std::string(20'000, 'x')).has_value());
    const auto key = f.new_key();
    f.put(key, "red");
    f.end(key);
    CHECK(f.load(key)->about.what == kind::ended);
}

TEST_CASE("memcached: what is no record, or of a later release, is never overwritten, and can be ended")
{
    memcached_shell shell(shared_memcached().port());
    fixture f(memcached_at(shared_memcached().port()));
    for (const auto& [bytes, why] : {std::pair<std::string, errc>{"not a record", errc::corrupt},
                                     {"", errc::corrupt},
                                     {"CC", errc::corrupt},
                                     {"CC\x02 of a later release", errc::newer_format}}) {
        CAPTURE(bytes);
        const auto key = f.new_key();
        const auto name = memcached_key(key);
        REQUIRE(shell("ms " + name + " " + std::to_string(bytes.size()) + " T60 F7\r\n" + bytes) == "HD");
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(code_of(try_put(f, key, "red")) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == why);
        CHECK(shell("mg " + name + " s") == "HD s" + std::to_string(bytes.size()));
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

} // namespace coatcheck::conformance
