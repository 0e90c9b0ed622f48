// App Engine's memcache, and what is true of it alone.

#include "backends/appengine/memcache.hpp"
#include "backends/appengine/protobuf.hpp"
#include "backends/registry.hpp"
#include "tests/conformance/appengine_server.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/proxy.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

using appengine::message;

namespace {

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    INFO(answer.error().detail);
    return answer.error().code;
}

const testing::server& shared_server()
{
    static const testing::server server("appengine");
    return server;
}

std::vector<std::string> wrong_tickets()
{
    static const testing::server server("appengine", {"--ticket", "right"});
    return {appengine_at(server.port(), "?ticket=secret-and-wrong"), appengine_at(server.port())};
}

std::string http(std::string_view status, const std::string& body)
{
    return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// An answer of the proxy's, with `content` in the field of that number.
std::string answer(unsigned field, const std::string& content)
{
    return http("200 OK", message().bytes(field, content).str());
}

std::string error(unsigned field, std::uint64_t code)
{
    return answer(field, message().varint(1, code).bytes(2, "secret detail").str());
}

std::int64_t seconds(time_point t)
{
    return std::chrono::ceil<std::chrono::seconds>(t.time_since_epoch()).count();
}

void set_environment(const char* name, const std::string& value)
{
    REQUIRE((value.empty() ? unsetenv(name) : setenv(name, value.c_str(), 1)) == 0);
}

} // namespace

std::string store_url()
{
    return appengine_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    return remote_store{
        .kind = "appengine", .url = [](auto port) { return appengine_at(port); }, .refused = &wrong_tickets};
}

TEST_CASE("appengine: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const auto* url : {"appengine://localhost/path", "appengine://user:secret@localhost", "appengine://:10001",
                            "appengine://a,b", "appengine://?namespace=a%20b", "appengine://?namespace=a/b",
                            "appengine://?prefix=a%00b", "appengine://?perfix=a", "appengine://localhost:0x"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    CHECK_THROWS_AS(check_backend("appengine://?namespace=" + std::string(101, 'n')), std::invalid_argument);
    CHECK_THROWS_AS(check_backend("appengine://?prefix=" + std::string(201, 'p')), std::invalid_argument);
    check_backend("appengine://");
    check_backend("appengine://[::1]:10001/?namespace=" + std::string(100, 'n') + "&prefix=&ticket=abc");
}

TEST_CASE("appengine: without a host it is where App Engine says")
{
    set_environment("API_HOST", "127.0.0.1");
    set_environment("API_PORT", "none");
    CHECK_THROWS_AS(check_backend("appengine://"), std::invalid_argument);
    set_environment("API_PORT", std::to_string(shared_server().port()));
    {
        fixture f("appengine://");
        f.put(f.new_key(), "red");
    }
    set_environment("API_HOST", {});
    set_environment("API_PORT", {});
}

TEST_CASE("appengine: writes hold for many daemons, and Google may forget")
{
    runtime threads(1);
    const auto store = open_backend("appengine://", threads);
    CHECK(store->caps().conditional_writes == kept_by::store);
    CHECK(store->caps().ended_records == tombstones::best_effort);
    CHECK(!store->caps().durable);
    CHECK(store->acknowledges().means.find("memory") != std::string::npos);
    CHECK(store->acknowledges().warning.find("evict") != std::string::npos);
}

TEST_CASE("appengine: a value has at most Google's bytes, the longest key and its overhead off")
{
    fixture f(appengine_at(shared_server().port(), "?prefix=" + std::string(200, 'p')));
    const auto limit = f.store().caps().max_payload.value();
    CHECK(limit + 84 + max_subject_length + max_label_length + 250 + 73 == 1'000'000);
    auto changes = plain_changes();
    changes.subject = std::string(max_subject_length, 's');
    changes.label = std::string(max_label_length, 'l');
    const auto key = f.new_key();
    f.put(key, std::string(limit, 'x'), precondition::none(), changes);
    const std::string over(limit + 1, 'x');
    CHECK(code_of(f.wait(f.store().put(key, changes, over, precondition::none(), f.now, soon()))) == errc::too_large);
    CHECK(f.load(key)->payload.size() == limit);
}

TEST_CASE("appengine: namespaces and prefixes keep sessions apart")
{
    const auto at = [](const std::string& query) { return appengine_at(shared_server().port(), query); };
    fixture first(at("?namespace=one"));
    const auto key = first.new_key();
    first.put(key, "red");
    for (const auto* other : {"?namespace=two", "", "?namespace=one&prefix=other:"}) {
        CAPTURE(other);
        fixture f(at(other));
        CHECK(!f.load(key));
        f.put(key, "blue", precondition::absent());
        f.end(key);
    }
    CHECK(first.load(key)->payload == "red");
}

TEST_CASE("appengine: the memcache keeps a record until its keep_until, for minutes and for more than thirty days")
{
    fixture f;
    for (const std::chrono::seconds idle : {std::chrono::seconds(1h), std::chrono::seconds(27 * 24h),
                                            std::chrono::seconds(31 * 24h), std::chrono::seconds(400 * 24h)}) {
        CAPTURE(idle.count());
        const auto key = f.new_key();
        auto changes = plain_changes();
        changes.idle = idle;
        const auto check = [&](time_point keep_until) {
            const auto at = forgotten_at(shared_server(), key);
            REQUIRE(at);
            CHECK(*at >= seconds(keep_until));
            CHECK(*at <= seconds(keep_until) + 2);
        };
        check(f.put(key, "red", precondition::none(), changes).about.keep_until);
        const auto extended = f.wait(f.store().extend(key, f.now + idle / 5, 10min, soon()));
        check(extended->value().keep_until);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        check(f.now + 1min);
    }
}

TEST_CASE("appengine: the memcache forgets a record after its keep_until, and not before")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.absolute = 1s;
    changes.keep_after_end = 0ms;
    const auto made = f.put(key, "red", precondition::none(), changes).about;
    const auto patience = std::chrono::system_clock::now() + 10s;
    while (forgotten_at(shared_server(), key) && std::chrono::system_clock::now() < patience)
        std::this_thread::sleep_for(10ms);
    CHECK(std::chrono::system_clock::now() >= made.keep_until);
    CHECK(std::chrono::system_clock::now() < made.keep_until + 3s);
    f.now = made.keep_until;
    CHECK(!f.load(key));
}

TEST_CASE("appengine: a session that was evicted is missing, and is replaced by nobody")
{
    const testing::server server("appengine");
    fixture f(appengine_at(server.port()));
    const auto key = f.new_key();
    const auto made = f.put(key, "red").about;
    call_appengine(server, "FlushAll", {});
    const auto put = [&](precondition when) {
        return f.wait(f.store().put(key, plain_changes(), "blue", when, f.now, soon())).value();
    };
    CHECK(!f.wait(f.store().load(key, soon()))->has_value());
    CHECK(!f.wait(f.store().extend(key, f.now, 10min, soon()))->has_value());
    CHECK(refused_by(put(precondition::exists()), errc::precondition_failed));
    CHECK(refused_by(put(precondition::matches(made.data_version)), errc::precondition_failed));
    CHECK(put(precondition::none()).what == write::outcome::created);
}

TEST_CASE("appengine: what is no record, or of a later release, is never overwritten, and can be ended")
{
    fixture f;
    for (const auto& [bytes, why] : {std::pair<std::string, errc>{"not a record", errc::corrupt},
                                     {"", errc::corrupt},
                                     {"CC\x02 of a later release", errc::newer_format}}) {
        CAPTURE(bytes);
        const auto key = f.new_key();
        const std::string name = appengine_key(key);
        CHECK(appengine::read_set(call_appengine(shared_server(), "Set", appengine::set_message({}, {name, bytes})))
                  .value());
        const auto put = [&](precondition when) {
            return code_of(f.wait(f.store().put(key, plain_changes(), "red", when, f.now, soon())));
        };
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(put(precondition::none()) == why);
        CHECK(put(precondition::absent()) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == why);
        const std::string still = call_appengine(shared_server(), "Get", appengine::get_message({}, name));
        CHECK(appengine::read_get(still, name)->value().value == bytes);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

TEST_CASE("appengine: an answer that is none, or an error, is neither a session's absence nor a write's success")
{
    proxy network(shared_server().port());
    fixture f(appengine_at(network.port()));
    constexpr unsigned content = 1;
    constexpr unsigned application_error = 3;
    constexpr unsigned rpc_error = 5;
    struct {
        std::string says;
        errc read;
        errc write;
    } const cases[] = {
        {http("500 Internal Server Error", "secret"), errc::unavailable, errc::timed_out},
        {http("503 Service Unavailable", ""), errc::unavailable, errc::timed_out},
        {http("404 Not Found", ""), errc::unavailable, errc::unavailable},
        {http("302 Found", ""), errc::unavailable, errc::unavailable},
        {http("200 OK", ""), errc::unavailable, errc::timed_out},
        {http("200 OK", "<html>"), errc::unavailable, errc::timed_out},
        {answer(2, "pickled"), errc::unavailable, errc::timed_out},
        {answer(4, "serialised"), errc::unavailable, errc::timed_out},
        {error(rpc_error, 0), errc::unavailable, errc::timed_out},
        {error(rpc_error, 3), errc::unavailable, errc::unavailable},
        {error(rpc_error, 4), errc::unavailable, errc::unavailable},
        {error(rpc_error, 6), errc::unavailable, errc::unavailable},
        {error(rpc_error, 12), errc::timed_out, errc::timed_out},
        {error(rpc_error, 99), errc::unavailable, errc::timed_out},
        {answer(rpc_error, ""), errc::unavailable, errc::timed_out},
        {error(application_error, 1), errc::unavailable, errc::timed_out},
        {error(application_error, 3), errc::unavailable, errc::unavailable},
        {error(application_error, 9), errc::unavailable, errc::unavailable},
        {answer(content, "\x0b"), errc::unavailable, errc::timed_out},
    };
    for (const auto& c : cases) {
        CAPTURE(c.says);
        const auto key = f.new_key();
        network.say(c.says);
        const auto read = f.wait(f.store().load(key, soon()));
        CHECK(code_of(read) == c.read);
        CHECK(read.error().detail.find("secret") == std::string::npos);
        network.say(c.says);
        const auto put = f.wait(f.store().put(key, plain_changes(), "red", precondition::absent(), f.now, soon()));
        CHECK(code_of(put) == c.write);
        CHECK(put.error().detail.find("secret") == std::string::npos);
    }
    for (const auto& says : {answer(content, message().varint(7, 5).str()), // UNREACHABLE
                             answer(content, message().varint(7, 1).str()), // HIT, and nothing
                             answer(content, message().group(1, message().bytes(2, "other").bytes(3, "")).str())}) {
        network.say(says);
        CHECK(code_of(f.wait(f.store().load(f.new_key(), soon()))) == errc::unavailable);
    }
    for (const auto& [status, code] : {std::pair<std::uint64_t, errc>{3, errc::timed_out},
                                       {5, errc::timed_out},
                                       {6, errc::unavailable},
                                       {7, errc::timed_out}}) {
        CAPTURE(status);
        network.say(answer(content, message().varint(1, status).str()));
        CHECK(code_of(f.wait(
                  f.store().put(f.new_key(), plain_changes(), "red", precondition::absent(), f.now, soon()))) == code);
    }
}

} // namespace coatcheck::conformance
