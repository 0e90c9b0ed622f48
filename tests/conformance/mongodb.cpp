// MongoDB: the suite, and what is true of MongoDB alone.

#include "backends/mongodb/record_document.hpp"
#include "backends/registry.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/conformance/mongodb_server.hpp"
#include "tests/support/server.hpp"

#include <stdexcept>

namespace coatcheck::conformance {

namespace {

testing::server& shared_server()
{
    static testing::server server("mongodb");
    return server;
}

// Certificates of two authorities. The server's is for the name "localhost" alone.
const testing::temporary_folder& certificates()
{
    static const testing::temporary_folder folder;
    static const bool made = [] {
        if (!testing::installed("openssl"))
            testing::missing("openssl");
        const std::string script = "set -e; cd '" + folder.path().string() + R"('
            new() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>>log; }
            new -keyout ca.key -out ca.pem -subj /CN=authority
            new -keyout other.key -out other.pem -subj /CN=stranger
            new -keyout server.key -out server.pem -subj /CN=server -CA ca.pem -CAkey ca.key \
                -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:false
            cat server.pem server.key >both.pem)";
        return std::system(script.c_str()) == 0;
    }();
    if (!made)
        throw std::runtime_error("openssl cannot make certificates");
    return folder;
}

const testing::server& tls_server()
{
    static const testing::server server(
        "mongodb", {"tls=" + (certificates() / "server.pem") + "," + (certificates() / "server.key")});
    return server;
}

std::string tls_at(const std::string& host, const std::string& more)
{
    return "mongodb://" + host + ":" + std::to_string(tls_server().port()) + "/?tls=true" + more;
}

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload = "red",
                      precondition when = precondition::none())
{
    return f.wait(f.store().put(key, plain_changes(), payload, when, f.now, soon()));
}

std::string quoted(const session_key& key)
{
    return '"' + std::string(key.name.str()) + '"';
}

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

void check_holds(const std::string& text, const std::string& part)
{
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != std::string::npos);
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
            tls_at("localhost", "&tlsCAFile=" + (certificates() / "other.pem")),
            tls_at("127.0.0.1", "&tlsCAFile=" + (certificates() / "ca.pem")),
            tls_at("localhost", ""),
            mongodb_at(tls_server().port()),
        };
    };
    return remote_store{.kind = "mongodb", .url = &mongodb_at, .keeps_data = true, .refused = refused};
}

TEST_CASE("mongodb: a URL that is wrong is refused, and the reason tells no password")
{
    runtime threads(1);
    const std::string file = certificates() / "ca.pem";
    for (const std::string& url : {
             std::string("mongodb://"),
             std::string("mongodb:///coatcheck"),
             std::string("mongodb://host/a.b"),
             std::string("mongodb://host/a/b"),
             std::string("mongodb://host/?collection="),
             std::string("mongodb://host/?collection=system.users"),
             std::string("mongodb://host/?collection=a$b"),
             std::string("mongodb://host/?pool=0"),
             std::string("mongodb://host/?pool=65"),
             std::string("mongodb://host/?pool=4KiB"),
             std::string("mongodb://host/?maxPoolSize=4"),
             std::string("mongodb://host/?colection=a"),
             std::string("mongodb://app:secret@host/?colection=a"),
             std::string("mongodb://host/?w=0"),
             std::string("mongodb://host/?w=-3"),
             std::string("mongodb://host/?wtimeoutMS=soon"),
             std::string("mongodb://host/?connectTimeoutMS=soon"),
             std::string("mongodb://host/?readPreference=secondary"),
             std::string("mongodb://host/?readPreferenceTags=dc:east"),
             std::string("mongodb://host/?readConcernLevel=available"),
             std::string("mongodb://host/?slaveOk=true"),
             std::string("mongodb://host/?retryWrites=perhaps"),
             std::string("mongodb://host/?tls=true&tlsInsecure=true"),
             std::string("mongodb://host/?tls=true&tlsAllowInvalidCertificates=true"),
             std::string("mongodb://host/?tls=true&tlsAllowInvalidHostnames=true"),
             std::string("mongodb://host/?ssl=true&sslAllowInvalidCertificates=true"),
             std::string("mongodb://host/?tls=true&tlsCAFile=/there/is/none"),
             std::string("mongodb://host/?tls=true&ca=/there/is/none"),
             "mongodb://host/?ca=" + file,
             "mongodb://host/?tls=true&cert=" + file,
             "mongodb://host/?tls=true&cert=" + file + "&key=" + file,
             std::string("mongodb://app:secret@host/?authMechanism=SECRET"),
             std::string("mongodb://app@host/?authMechanism=SCRAM-SHA-256"),
             std::string("mongodb://app:secret@host/?authMechanism=MONGODB-AWS&authMechanismProperties="
                         "AWS_SESSION_TOKEN:secret"),
             std::string("mongodb+srv://"),
             std::string("mongodb+srv://app:secret@one.example.com,two.example.com"),
             std::string("mongodb+srv://app:secret@cluster.example.com:27017"),
             std::string("mongodb+srv://app:secret@localhost"),
         }) {
        CAPTURE(url);
        try {
            open_backend(url, threads);
            FAIL_CHECK("is taken");
        } catch (const std::invalid_argument& e) {
            const std::string why = e.what();
            CAPTURE(why);
            CHECK(why.find("secret") == std::string::npos);
        }
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
    }
}

TEST_CASE("mongodb: URLs that are right are taken")
{
    const std::string both = certificates() / "both.pem";
    for (const std::string& url : {
             std::string("mongodb://localhost"),
             std::string("mongodb://app:p%40ss%2F@a:1,b,[::1]:3/logins?replicaSet=rs0&authSource=admin"),
             std::string("mongodb://%2Frun%2Fmongodb.sock/"),
             std::string("mongodb+srv://app:p%40ss@cluster.example.com/?retryWrites=true&w=majority&appName=shop"),
             std::string("mongodb://host/?w=2&journal=true&wtimeoutMS=500&readConcernLevel=linearizable&pool=1"),
             std::string("mongodb://host/?w=near&collection=a.b&readPreference=primary&compressors=zlib"),
             "mongodb://host/?tls=true&tlsCAFile=" + both + "&tlsCertificateKeyFile=" + both,
             "mongodb://host/?tls=true&ca=" + both + "&cert=" + (certificates() / "server.pem") +
                 "&key=" + (certificates() / "server.key"),
         }) {
        CAPTURE(url);
        check_backend(url);
    }
}

TEST_CASE("mongodb: what an acknowledgement means follows from the URL")
{
    struct {
        const char* options;
        tombstones ended;
        bool durable;
        const char* means;
        const char* warning; // a word of it; null if there is none
    } const cases[] = {
        {"", tombstones::kept, true, "w=majority", nullptr},
        {"?w=majority&journal=true", tombstones::kept, true, "in the journal", nullptr},
        {"?journal=false", tombstones::kept, false, "in memory", "journal"},
        {"?w=1", tombstones::best_effort, false, "w=1", "fail-over"},
        {"?w=1&journal=true", tombstones::best_effort, true, "in the journal", "fail-over"},
        {"?w=2", tombstones::best_effort, false, "w=2", "fail-over"},
        {"?w=near", tombstones::best_effort, false, "w=near", "fail-over"},
    };
    runtime threads(1);
    for (const auto& c : cases) {
        CAPTURE(c.options);
        const auto store = open_backend(std::string("mongodb://127.0.0.1:1/") + c.options, threads);
        CHECK(store->caps().conditional_writes == kept_by::store);
        CHECK(store->caps().ended_records == c.ended);
        CHECK(store->caps().durable == c.durable);
        check_holds(store->acknowledges().means, c.means);
        CHECK(store->acknowledges().warning.empty() == (c.warning == nullptr));
        if (c.warning != nullptr)
            check_holds(store->acknowledges().warning, c.warning);
    }
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

TEST_CASE("mongodb: database and collection are the URL's")
{
    mongodb_shell shell(shared_server().port());
    fixture f(store_url() + "/coatcheck?collection=app.logins&pool=1");
    const auto key = f.new_key();
    f.put(key, "red");
    check_holds(shell(R"({"count": "app.logins", "query": {"_id": )" + quoted(key) + "}}"), R"("n" : 1)");
    fixture elsewhere(store_url() + "/shop");
    CHECK(!elsewhere.wait(elsewhere.store().load(key, soon()))->has_value());
}

TEST_CASE("mongodb: the schema is the index, as mongosh takes it")
{
    CHECK(schema_of("mongodb://host/shop?collection=logins") ==
          "db.getSiblingDB(\"shop\").getCollection(\"logins\").createIndex({keep_until: 1}, {name: \"keep_until_1\", "
          "expireAfterSeconds: 0})\n");
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

TEST_CASE("mongodb: the suite's first steps over TLS, with libmongoc's names and with ours")
{
    const std::string ca = certificates() / "ca.pem";
    for (const std::string& more :
         {"&tlsCAFile=" + ca + "&tlsCertificateKeyFile=" + (certificates() / "both.pem"),
          "&ca=" + ca + "&cert=" + (certificates() / "server.pem") + "&key=" + (certificates() / "server.key")}) {
        fixture f(tls_at("localhost", more));
        const auto key = f.new_key();
        f.put(key, "red");
        f.put(key, std::string(1'000'000, 'b'));
        f.load(key);
        f.end(key);
    }
}

TEST_CASE("mongodb: while the server is known to be away, calls do not wait for it")
{
    fixture f(mongodb_at(testing::free_port()));
    CHECK(code_of(try_put(f, f.new_key())) == errc::unavailable);
    int at_once = 0;
    for (int i = 0; i < 50; ++i) {
        const auto start = std::chrono::steady_clock::now();
        CHECK(code_of(try_put(f, f.new_key())) == errc::unavailable);
        at_once += std::chrono::steady_clock::now() - start < 100ms ? 1 : 0;
    }
    CHECK(at_once >= 45);
}

TEST_CASE("mongodb: of several hosts the primary is found, though another is away")
{
    const auto away = "127.0.0.1:" + std::to_string(testing::free_port());
    testing::server primary("mongodb", {"primary_of=" + away});
    for (const auto* set : {"?replicaSet=tests", ""}) {
        fixture f("mongodb://" + away + "," + primary.address() + "/" + set);
        const auto key = f.new_key();
        f.put(key, "red");
        CHECK(f.load(key)->payload == "red");
    }
    fixture wrong("mongodb://" + primary.address() + "/?replicaSet=other");
    CHECK(code_of(try_put(wrong, wrong.new_key())) == errc::unavailable);
}

} // namespace coatcheck::conformance
