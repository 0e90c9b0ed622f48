// Redis: the suite, and what is true of Redis alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/redis_server.hpp"

namespace coatcheck::conformance {

namespace {

std::string redis_key(const session_key& key)
{
    return "coatcheck:" + std::string(key.name.str());
}

std::string ms(time_point t)
{
    return std::to_string(t.time_since_epoch().count());
}

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

errc why_put_fails(fixture& f, const session_key& key, std::string_view payload = "red")
{
    return code_of(f.wait(f.store().put(key, plain_changes(), payload, precondition::none(), f.now, soon())));
}

} // namespace

TEST_CASE("redis: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const auto* url : {"redis://",
                            "redis://localhost/zero",
                            "redis://localhost?db=1",
                            "redis://localhost?perfix=a",
                            "redis://user@localhost",
                            "redis://localhost?ca=/ca.pem",
                            "rediss://localhost?ca=/there/is/none",
                            "rediss://localhost?cert=/only/the/certificate",
                            "redis://one,two",
                            "redis://localhost?tls_name=one",
                            "redis+cluster://",
                            "redis+cluster://one,two/1",
                            "redis+cluster://one?sentinel_password=a",
                            "redis+sentinel://one,two",
                            "redis+sentinel://one,two/",
                            "redis+sentinel://one//0",
                            "redis+sentinel:///mymaster",
                            "redis+sentinel://one/mymaster/zero",
                            "redis+sentinel://one/mymaster?sentinel_user=a",
                            "rediss+sentinel://one/mymaster?ca=/none",
                            "redis+unix://host/a.sock",
                            "redis+unix://",
                            "redis+unix:///a.sock?db=x"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    check_backend("redis://user:password@[::1]:6380/3?prefix=app:");
    check_backend("rediss://localhost");
    check_backend("redis+cluster://app:password@one:7000,[::1],three/0?prefix={app}:");
    check_backend("rediss+cluster://one,two?tls_name=redis.example");
    check_backend("redis+sentinel://app:password@one,two:26380/mymaster/3?sentinel_user=a&sentinel_password=b");
    check_backend("rediss+sentinel://one/mymaster/");
    check_backend("redis+unix:///run/redis.sock?db=2&prefix=");
}

TEST_CASE("redis: the key is the prefix and the handle, in the database that the URL names")
{
    redis_shell shell(shared_server().port());
    shell({"SELECT", "3"});
    for (const auto& url : {shared_server().url("/3?prefix=app:"), shared_server().unix_url() + "?db=3&prefix=app:"}) {
        fixture f(url);
        const auto key = f.new_key();
        f.put(key, "red");
        CHECK(shell({"STRLEN", "app:" + std::string(key.name.str())}) == "87");
    }
}

TEST_CASE("redis: a record goes at its keep_until, whatever wrote it last")
{
    redis_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    const auto expiry = [&] { return shell({"PEXPIRETIME", redis_key(key)}); };
    CHECK(f.put(key, "red").what == write::outcome::created);
    CHECK(expiry() == ms(f.load(key)->about.keep_until));
    f.now += 20min;
    CHECK(f.put(key, "blue").what == write::outcome::replaced);
    CHECK(expiry() == ms(f.now + 76min));
    f.now += 20min;
    f.extend(key);
    CHECK(expiry() == ms(f.now + 76min));
    f.end(key, 5min);
    CHECK(expiry() == ms(f.now + 5min));
}

TEST_CASE("redis: an extension does not write the payload again")
{
    redis_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    f.put(key, std::string(100'000, 'x'));
    f.now += 20min;
    shell({"CONFIG", "RESETSTAT"});
    f.extend(key);
    const auto stats = shell({"INFO", "commandstats"});
    CHECK(stats.find("cmdstat_set:") == std::string::npos);
    CHECK(stats.find("cmdstat_setrange:calls=1") != std::string::npos);
}

TEST_CASE("redis: an operation is one command, and a forgotten script is sent once more")
{
    redis_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    shell({"SCRIPT", "FLUSH"});
    shell({"CONFIG", "RESETSTAT"});
    for (int i = 0; i < 4; ++i)
        CHECK(f.put(key, "blue").what == write::outcome::replaced);
    const auto stats = shell({"INFO", "commandstats"});
    CHECK(stats.find("cmdstat_evalsha:calls=4") != std::string::npos);
    CHECK(stats.find("cmdstat_eval:calls=1") != std::string::npos);
    shell({"SCRIPT", "FLUSH"});
    f.extend(key);
    shell({"SCRIPT", "FLUSH"});
    f.end(key);
}

TEST_CASE("redis: what is no record, or of a later release, is never overwritten, and can be ended")
{
    redis_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    std::string cut_short;
    encode(head{}, "", cut_short);
    cut_short.resize(50);
    std::string no_kind;
    encode(head{}, "", no_kind);
    no_kind[3] = 9;
    std::string no_time;
    encode(head{}, "", no_time);
    no_time[60] = '\x7f';
    std::string no_subject;
    encode(head{}, "", no_subject);
    no_subject[80] = 1;
    for (const auto& [bytes, why] : {std::pair<std::string, errc>{"not a record", errc::corrupt},
                                     {"", errc::corrupt},
                                     {"CC", errc::corrupt},
                                     {cut_short, errc::corrupt},
                                     {no_kind, errc::corrupt},
                                     {no_time, errc::corrupt},
                                     {no_subject, errc::corrupt},
                                     {"CC\x02 of a later release", errc::newer_format}}) {
        CAPTURE(bytes);
        shell({"SET", redis_key(key), bytes});
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(why_put_fails(f, key) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == why);
        CHECK((shell({"GET", redis_key(key)}) == bytes));
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

TEST_CASE("redis: a key of another type is corrupt, and can be ended")
{
    redis_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    shell({"RPUSH", redis_key(key), "a"});
    CHECK(code_of(f.wait(f.store().load(key, soon()))) == errc::corrupt);
    CHECK(why_put_fails(f, key) == errc::corrupt);
    CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == errc::corrupt);
    f.end(key);
    CHECK(f.load(key)->about.what == kind::ended);
}

TEST_CASE("redis: a full store refuses new sessions, and lets the ones that are there be used and ended")
{
    const redis_server server({"--maxmemory-policy", "noeviction"});
    redis_shell shell(server.port());
    fixture f(server.url());
    const auto used = f.new_key();
    const auto left = f.new_key();
    f.put(used, "red");
    f.put(left, "red");
    shell({"CONFIG", "SET", "maxmemory", "1kb"}); // less than any release takes for itself

    CHECK(why_put_fails(f, f.new_key(), std::string(1000, 'x')) == errc::full);
    f.now += 20min;
    CHECK(f.extend(used)->revision == 2);
    f.end(left);
    f.end(f.new_key());
    CHECK(f.load(left)->about.what == kind::ended);
    CHECK(f.load(used)->payload == "red");
}

TEST_CASE("redis: what it guarantees depends on how the server is set up")
{
    struct {
        std::vector<std::string> options;
        std::string user;
        tombstones ended;
        bool durable;
    } const cases[] = {
        {{}, "", tombstones::kept, false},
        {{"--maxmemory-policy", "allkeys-lru"}, "", tombstones::best_effort, false},
        {{"--maxmemory-policy", "volatile-ttl", "--appendonly", "yes", "--appendfsync", "always"},
         "",
         tombstones::best_effort,
         true},
        {{"--appendonly", "yes", "--appendfsync", "everysec"}, "", tombstones::kept, false},
        {{"--appendonly", "yes", "--appendfsync", "always", "--user", "app", "on", ">secret", "~coatcheck:*", "+@all",
          "-@dangerous"},
         "app:secret@",
         tombstones::best_effort,
         false},
    };
    for (const auto& c : cases) {
        const redis_server server(c.options);
        fixture f("redis://" + c.user + "127.0.0.1:" + std::to_string(server.port()));
        const auto key = f.new_key();
        // A reply on each thread: the server has been asked by then.
        for (int i = 0; i < 2; ++i)
            CHECK(f.wait(f.store().probe(soon())).has_value());
        CHECK(f.store().caps().conditional_writes == kept_by::store);
        CHECK(f.store().caps().ended_records == c.ended);
        CHECK(f.store().caps().durable == c.durable);
        f.put(key, "red");
        CHECK(f.load(key)->payload == "red");
    }
}

} // namespace coatcheck::conformance
