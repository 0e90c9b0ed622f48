// MongoDB: the suite, and what is true of MongoDB alone.

#include "tests/conformance/mongodb_server.hpp"

namespace coatcheck::conformance {

namespace {

std::string ms(time_point t)
{
    return std::to_string(t.time_since_epoch().count());
}

// The document without its payload.
std::string document(mongodb_shell& shell, const session_key& key)
{
    return shell(R"({"find": "sessions", "filter": {"_id": )" + quoted(key) +
                 R"(}, "projection": {"payload": 0}, "singleBatch": true})");
}

void change(mongodb_shell& shell, const session_key& key, const std::string& update)
{
    shell(R"({"update": "sessions", "updates": [{"q": {"_id": )" + quoted(key) + R"(}, "u": )" + update + "}]}");
}

} // namespace

std::string store_url()
{
    return mongodb_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    const auto refused = [] {
        return std::vector<std::string>{
            "mongodb://app:secret%2F1@127.0.0.1:" + std::to_string(shared_server().port()),
            tls_url("localhost", "&tlsCAFile=" + (certificates() / "other.pem")),
            tls_url("127.0.0.1", "&tlsCAFile=" + (certificates() / "ca.pem")),
        };
    };
    return remote_store{.kind = "mongodb", .url = &mongodb_at, .keeps_data = true, .refused = refused};
}

TEST_CASE("mongodb: the document has the head in fields that can be read")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.subject = "ada";
    changes.label = "\xff";
    f.put(key, "red", precondition::none(), changes);
    const auto text = document(shell, key);
    for (const auto* part : {R"("format" : 1)", R"("kind" : "live")", R"("revision" : 1)", R"("absolute_end" : null)",
                             R"("idle_s" : 3600)", R"("subject" : "ada")", R"("label" : { "$binary" )"})
        check_holds(text, part);
    f.end(key);
    check_holds(document(shell, key), R"("kind" : "ended")");
}

TEST_CASE("mongodb: the index lets the server forget a record at its keep_until, whatever wrote it last")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    const auto kept_until = [&](time_point t) {
        return shell(R"({"count": "sessions", "query": {"_id": )" + quoted(key) +
                     R"(, "keep_until": {"$date": {"$numberLong": ")" + ms(t) + R"("}}}})");
    };
    f.put(key, "red");
    check_holds(kept_until(f.load(key)->about.keep_until), R"("n" : 1)");
    f.now += 20min;
    f.put(key, "blue");
    check_holds(kept_until(f.now + 76min), R"("n" : 1)");
    f.now += 20min;
    f.extend(key);
    check_holds(kept_until(f.now + 76min), R"("n" : 1)");
    f.end(key, 5min);
    check_holds(kept_until(f.now + 5min), R"("n" : 1)");
    const auto indexes = shell(R"({"listIndexes": "sessions"})");
    check_holds(indexes, "keep_until_1");
    check_holds(indexes, R"("expireAfterSeconds" : 0)");
    CHECK(f.store().acknowledges().warning.empty());
}

TEST_CASE("mongodb: an extension does not touch the payload, nor fields that a later release adds")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    change(shell, key, R"({"$set": {"payload": {"$binary": {"base64": "Ymx1ZQ==", "subType": "00"}}, "later": 7}})");
    f.now += 20min;
    f.extend(key);
    const auto held = f.wait(f.store().load(key, soon()));
    CHECK(held.value()->payload == "blue");
    check_holds(document(shell, key), R"("later" : 7)");
}

TEST_CASE("mongodb: what is no record, or of a later release, is never overwritten, and can be ended")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    for (const auto& [update, why] : {
             std::pair<std::string, errc>{R"({"somebody": "else's"})", errc::corrupt},
             {R"({"$set": {"format": 2}})", errc::newer_format},
             {R"({"$set": {"format": 2, "revision": "r1", "version": []}})", errc::newer_format},
             {R"({"$set": {"format": "1"}})", errc::corrupt},
             {R"({"$set": {"kind": "dead"}})", errc::corrupt},
             {R"({"$set": {"revision": "1"}})", errc::corrupt},
             {R"({"$set": {"revision": 1.5}})", errc::corrupt},
             {R"({"$set": {"expires": 12}})", errc::corrupt},
             {R"({"$set": {"keep_until": {"$date": {"$numberLong": "-1"}}}})", errc::corrupt},
             {R"({"$set": {"idle_s": -1}})", errc::corrupt},
             {R"({"$set": {"subject": 5}})", errc::corrupt},
             {R"({"$unset": {"lock_token": 1}})", errc::corrupt},
         }) {
        CAPTURE(update);
        const auto key = f.new_key();
        REQUIRE(try_put(f, key).has_value());
        change(shell, key, update);
        const auto before = document(shell, key);
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(code_of(try_put(f, key)) == why);
        CHECK(code_of(try_put(f, key, "red", precondition::absent())) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now, 10min, soon()))) == why);
        CHECK(document(shell, key) == before);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
}

TEST_CASE("mongodb: a record without a payload is corrupt")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    change(shell, key, R"({"$unset": {"payload": 1}})");
    CHECK(code_of(f.wait(f.store().load(key, soon()))) == errc::corrupt);
    f.end(key);
    CHECK(f.load(key)->about.what == kind::ended);
}

TEST_CASE("mongodb: numbers that a shell has made double are the same numbers")
{
    mongodb_shell shell(shared_server().port());
    fixture f;
    const auto key = f.new_key();
    f.put(key, "red");
    change(shell, key, R"({"$set": {"format": 1.0, "revision": {"$numberDouble": "1.0"}, "idle_s": 3600.0}})");
    f.load(key);
    f.put(key, "blue");
    CHECK(f.load(key)->about.revision == 2);
}

TEST_CASE("mongodb: a payload of 16 MiB less 4 KiB is taken with the longest head, and one byte more is not")
{
    fixture f;
    const auto key = f.new_key();
    auto changes = plain_changes();
    changes.subject = std::string(max_subject_length, 's');
    changes.label = std::string(max_label_length, '\xff');
    const std::size_t limit = *f.store().caps().max_payload;
    CHECK(limit == (std::size_t{16} << 20U) - 4096);
    f.put(key, std::string(limit, 'x'), precondition::absent(), changes);
    f.put(key, std::string(limit, 'y'), precondition::exists(), changes);
    f.load(key);
    f.now += 20min;
    f.extend(key);
    CHECK(code_of(try_put(f, key, std::string(limit + 1, 'z'))) == errc::too_large);
    CHECK(code_of(try_put(f, f.new_key(), std::string(limit + 1, 'z'), precondition::absent())) == errc::too_large);
    f.load(key);
    f.end(key);
}

TEST_CASE("mongodb: a full store refuses new data by errc::full, and lets what is there be ended")
{
    mongodb_shell(shared_server().port())(R"({"drop": "full"})");
    fixture f(store_url() + "/?collection=full");
    const auto key = f.new_key();
    f.put(key, "red");
    f.put(f.new_key(), "red");
    CHECK(code_of(try_put(f, f.new_key())) == errc::full);
    CHECK(code_of(try_put(f, key, "blue")) == errc::full);
    CHECK(f.load(key)->payload == "red");
    f.end(key);
    CHECK(f.load(key)->about.what == kind::ended);
}

TEST_CASE("mongodb: a write without its majority may have landed")
{
    fixture f(store_url() + "/?collection=behind");
    const auto key = f.new_key();
    CHECK(code_of(try_put(f, key)) == errc::timed_out);
    CHECK(f.wait(f.store().load(key, soon()))->value().payload == "red");
    CHECK(code_of(try_put(f, key, "blue")) == errc::timed_out);
    CHECK(code_of(f.wait(f.store().end(key, f.now, f.now + 1min, soon()))) == errc::timed_out);
}

TEST_CASE("mongodb: a server that is not the primary any more has written nothing")
{
    fixture f(store_url() + "/?collection=stepped_down");
    CHECK(code_of(try_put(f, f.new_key())) == errc::unavailable);
    CHECK(f.wait(f.store().probe(soon())).has_value());
}

TEST_CASE("mongodb: a user who may not make the index is told so, and the store works")
{
    fixture f(store_url() + "/?collection=forbidden");
    const auto key = f.new_key();
    f.put(key, "red");
    CHECK(f.load(key)->payload == "red");
    check_holds(f.store().acknowledges().warning, "not authorized");
    check_holds(f.store().acknowledges().warning, "--print-schema");
}

TEST_CASE("mongodb: while the server is known to be away, no call waits for it, and it is found all the same")
{
    testing::server server("mongodb");
    fixture f(mongodb_at(server.port()));
    for (int i = 0; i < 20; ++i) // on every connection
        CHECK(try_put(f, f.new_key()).has_value());
    server.crash();
    CHECK(!try_put(f, f.new_key()).has_value());
    CHECK(code_of(try_put(f, f.new_key())) == errc::unavailable);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i)
        CHECK(code_of(try_put(f, f.new_key())) == errc::unavailable);
    CHECK(std::chrono::steady_clock::now() - start < 900ms);
    server.start();
    const auto patience = std::chrono::steady_clock::now() + 10s;
    while (!try_put(f, f.new_key()) && std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(20ms);
    CHECK(try_put(f, f.new_key()).has_value());
}

} // namespace coatcheck::conformance
