// uWSGI's cache, and what is true of it alone.

#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/uwsgi_server.hpp"

namespace coatcheck::conformance {

namespace {

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

const uwsgi_server& shared_server()
{
    static const uwsgi_server server;
    return server;
}

} // namespace

// Over TCP; COATCHECK_TEST_UWSGI=unix runs the suite over the Unix socket.
std::string store_url()
{
    const char* const over = std::getenv("COATCHECK_TEST_UWSGI");
    if (over != nullptr && std::string_view(over) == "unix")
        return "uwsgi+unix://" + (shared_server().folder() / "uwsgi.sock").string() + "?cache=sessions&max=8MiB";
    return uwsgi_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "uwsgi", .url = &uwsgi_at};
}

TEST_CASE("uwsgi: a URL that is wrong is refused")
{
    runtime threads(1);
    for (const auto* url :
         {"uwsgi://", "uwsgi://localhost/sessions", "uwsgi://localhost:3031", "uwsgi://localhost:3031/",
          "uwsgi://user:secret@localhost:3031/sessions", "uwsgi://localhost:3031/sessions?cache=other",
          "uwsgi://localhost:3031/sessions?max=1KiB", "uwsgi://localhost:3031/sessions?max=1GiB",
          "uwsgi://localhost:3031/sessions?max=big", "uwsgi://localhost:3031/sessions?perfix=a",
          "uwsgi://a:1,b:2/sessions", "uwsgi+unix://host/a.sock?cache=sessions", "uwsgi+unix://?cache=sessions",
          "uwsgi+unix:///a.sock", "uwsgi+unix:///a.sock?cache="}) {
        CAPTURE(url);
        CHECK_THROWS_AS(open_backend(url, threads), std::invalid_argument);
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
    for (const auto& [url, what] : {std::pair{"uwsgi://localhost:3031/sessions?prefix=", std::string(201, 'p')},
                                    {"uwsgi://localhost:3031/", std::string(256, 'c')},
                                    {"uwsgi+unix:///a.sock?cache=", std::string(256, 'c')},
                                    {"uwsgi+unix:///", std::string(107, 's') + "?cache=sessions"}})
        CHECK_THROWS_AS(check_backend(url + what), std::invalid_argument);
    check_backend("uwsgi://[::1]:3031/sessions?prefix=app:&max=1MiB");
    check_backend("uwsgi+unix:///run/uwsgi/cache.sock?cache=sessions");
}

TEST_CASE("uwsgi: it promises what one daemon can keep, and says so")
{
    runtime threads(1);
    const auto store = open_backend("uwsgi://127.0.0.1:3031/sessions", threads);
    CHECK(store->caps().conditional_writes == kept_by::daemon);
    CHECK(store->caps().ended_records == tombstones::best_effort);
    CHECK(!store->caps().durable);
    CHECK(store->caps().max_payload == 65536 - 84 - max_subject_length - max_label_length);
    CHECK(store->acknowledges().means.find("memory") != std::string::npos);
    CHECK(store->acknowledges().warning.find("only one daemon") != std::string::npos);
}

TEST_CASE("uwsgi: the key is the prefix and the handle, and the value is the record")
{
    fixture f(store_url() + "&prefix=app:");
    const auto key = f.new_key();
    const head stored = f.put(key, "red").about;
    const auto value = value_in_uwsgi(shared_server(), "app:" + std::string(key.name.str()));
    REQUIRE(value);
    const auto read = decode_record(*value);
    REQUIRE(read.has_value());
    CHECK(read->about == stored);
    CHECK(read->payload == "red");
}

TEST_CASE("uwsgi: what is no record, or of a later release, is never overwritten, and can be ended")
{
    fixture f;
    for (const auto& [bytes, why] : {std::pair<std::string, errc>{"not a record", errc::corrupt},
                                     {std::string(1, '\0'), errc::corrupt},
                                     {"CC\x02 of a later release", errc::newer_format}}) {
        CAPTURE(bytes);
        const auto key = f.new_key();
        ask_uwsgi(shared_server(),
                  {.what = uwsgi::command::set, .key = uwsgi_key(key), .value = bytes, .lifetime = 1h});
        const auto put = [&](precondition when) {
            return code_of(f.wait(f.store().put(key, plain_changes(), "red", when, f.now, soon())));
        };
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(put(precondition::none()) == why);
        CHECK(put(precondition::absent()) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == why);
        CHECK(value_in_uwsgi(shared_server(), uwsgi_key(key)) == bytes);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

TEST_CASE("uwsgi: a value has at most the bytes of a block")
{
    const uwsgi_server server({"cache=name=sessions,items=10,blocksize=65536"});
    fixture f("uwsgi://127.0.0.1:" + std::to_string(server.port()) + "/sessions");
    const auto limit = f.store().caps().max_payload.value();
    auto changes = plain_changes();
    changes.subject = std::string(max_subject_length, 's');
    changes.label = std::string(max_label_length, 'l');
    const auto key = f.new_key();
    f.put(key, std::string(limit, 'x'), precondition::none(), changes);
    CHECK(value_in_uwsgi(server, uwsgi_key(key))->size() == 65536);
    f.put(key, std::string(limit, 'y'), precondition::none(), changes);
    f.now += 30min;
    f.extend(key);
    const std::string over(limit + 1, 'x');
    CHECK(code_of(f.wait(f.store().put(key, changes, over, precondition::none(), f.now, soon()))) == errc::too_large);
    CHECK(f.load(key)->payload == std::string(limit, 'y'));
}

} // namespace coatcheck::conformance
