// MongoDB's URLs: what is refused, what the rest means, and the ways to a server that they name.

#include "backends/registry.hpp"
#include "tests/conformance/mongodb_server.hpp"

#include <stdexcept>

namespace coatcheck::conformance {

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

TEST_CASE("mongodb: the suite's first steps over TLS, with libmongoc's names and with ours")
{
    const std::string ca = certificates() / "ca.pem";
    for (const std::string& more :
         {"&tlsCAFile=" + ca + "&tlsCertificateKeyFile=" + (certificates() / "both.pem"),
          "&ca=" + ca + "&cert=" + (certificates() / "server.pem") + "&key=" + (certificates() / "server.key")}) {
        fixture f(tls_url("localhost", more));
        const auto key = f.new_key();
        f.put(key, "red");
        f.put(key, std::string(1'000'000, 'b'));
        f.load(key);
        f.end(key);
    }
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
