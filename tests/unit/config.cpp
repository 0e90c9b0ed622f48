#include "server/config.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

using namespace coatcheck;
using namespace std::chrono_literals;

namespace {

struct config_file {
    testing::temporary_folder folder;
    std::string path;

    explicit config_file(std::string_view yaml) : path(folder.write("coatcheck.yaml", yaml)) {}

    config load(environment env = {}, bool insecure = false) const
    {
        env.emplace("HOME", "/home/somebody");
        return load_config(path, env, insecure);
    }

    // The mistakes without the file's path: "7: threads: …".
    std::string mistakes(const environment& env = {}) const
    {
        try {
            load(env);
        } catch (const config_error& e) {
            std::string text = e.what();
            for (std::size_t at = 0; (at = text.find(path + ":", at)) != text.npos;)
                text.erase(at, path.size() + 1);
            return text;
        }
        return {};
    }
};

std::string mistakes_of(const environment& env)
{
    return config_file("").mistakes(env);
}

bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != text.npos;
}

} // namespace

TEST_CASE("without a file and an environment everything has its default")
{
    const config c = load_config("", {{"HOME", "/home/somebody"}});

    REQUIRE(c.listen.size() == 1);
    CHECK(c.listen[0].str() == "127.0.0.1:8642");
    CHECK(c.ops_listen.empty());
    CHECK(c.threads >= 1);
    CHECK(c.stores.size() == 1);
    CHECK(c.stores.at("default").url.starts_with("sqlite:///"));
    CHECK(c.stores.at("default").url.ends_with("/coatcheck/sessions.db"));
    CHECK(c.stores.at("default").idle_timeout == 24h);
    CHECK(!c.stores.at("default").absolute_timeout);
}

TEST_CASE("every key of the file arrives")
{
    const config_file file(R"(
listen: [127.0.0.1:1, "unix:/run/c.sock?mode=0660&group=www-data"]
ops_listen: 0.0.0.0:2, [::]:3
threads: 3
stores:
  default: memory://
  shop:
    url: sqlite:///tmp/shop.db
    idle_timeout: 30m
    absolute_timeout: 12h
    anonymous_idle_timeout: 90
    tombstone: 2m
    deadline: 250ms
    adopt_ids: false
hosts: [sessions.internal, b.example]
ids_in_path: false
limits:
  body: 64KiB
  header: 4096
  connections: 7
  header_timeout: 1s
  body_timeout: 2s
  idle_timeout: 3s
log: {level: warn, format: json}
drain_delay: 5s
drain_timeout: 1m
)");
    const config c = file.load();

    REQUIRE(c.listen.size() == 2);
    CHECK(c.listen[1].path == "/run/c.sock");
    CHECK(c.listen[1].mode == 0660U);
    CHECK(c.listen[1].group == "www-data");
    REQUIRE(c.ops_listen.size() == 2);
    CHECK(c.ops_listen[1].host == "::");
    CHECK(c.ops_listen[1].port == 3);
    CHECK(c.threads == 3);
    CHECK(c.stores.at("default").url == "memory://");
    const store_config& shop = c.stores.at("shop");
    CHECK(shop.url == "sqlite:///tmp/shop.db");
    CHECK(shop.idle_timeout == 30min);
    CHECK(shop.absolute_timeout == 12h);
    CHECK(shop.anonymous_idle_timeout == 90s);
    CHECK(shop.tombstone == 2min);
    CHECK(shop.deadline == 250ms);
    CHECK(!shop.adopt_ids);
    CHECK(c.hosts == std::vector<std::string>{"sessions.internal", "b.example"});
    CHECK(!c.ids_in_path);
    CHECK(c.limits.body == 65536);
    CHECK(c.limits.header == 4096);
    CHECK(c.limits.connections == 7);
    CHECK(c.limits.header_timeout == 1s);
    CHECK(c.limits.body_timeout == 2s);
    CHECK(c.limits.idle_timeout == 3s);
    CHECK(c.log.level == "warn");
    CHECK(c.log.format == log_format::json);
    CHECK(c.drain_delay == 5s);
    CHECK(c.drain_timeout == 1min);
}

TEST_CASE("files that the configuration names arrive, and must be readable")
{
    const config_file file(
        "tokens_file: /nowhere/tokens\ntls: {certificate_file: /nowhere/cert, key_file: /dev/null}\n");
    CHECK(file.mistakes() == "1: tokens_file: /nowhere/tokens cannot be read: No such file or directory\n"
                             "2: tls.certificate_file: /nowhere/cert cannot be read: No such file or directory");

    const config c = config_file("handle_key_file: /dev/null\n"
                                 "tls: {certificate_file: /dev/null, key_file: /dev/null, client_ca_file: /dev/null}\n")
                         .load();
    CHECK(c.handle_key_file == "/dev/null");
    REQUIRE(c.tls);
    CHECK(c.tls->client_ca_file == "/dev/null");
}

TEST_CASE("a certificate needs its key")
{
    CHECK(config_file("tls: {certificate_file: /dev/null}").mistakes() == "tls.key_file: is missing");
}

TEST_CASE("every mistake is told at once, with its line and key path")
{
    const config_file file("threads: many\n"
                           "limits:\n"
                           "  body: 1 MB\n"
                           "  conections: 5\n"
                           "stores:\n"
                           "  Shop: memory://\n"
                           "  shop: {idle_timeout: 500d}\n"
                           "log: [debug]\n"
                           "threads: 2\n"
                           "drain_delay:\n");
    CHECK(file.mistakes() ==
          "1: threads: 'many' is not a number from 1 to 1024\n"
          "3: limits.body: '1 MB' is not a size from 1KiB to 256MiB, such as 65536, 512KiB or 1MiB\n"
          "4: limits.conections: is no known key; did you mean 'connections'?\n"
          "6: stores.Shop: the name of a store is 1 to 32 characters of a-z, 0-9, _ and -\n"
          "7: stores.shop.idle_timeout: '500d' is not a duration from 1s to 400d, such as 30s, 5m, 12h or 7d\n"
          "8: log: expects keys and values\n"
          "9: threads: stands here twice\n"
          "10: drain_delay: expects a value\n"
          "stores.shop.url: is missing");
}

TEST_CASE("a key that resembles none is refused without a guess")
{
    CHECK(config_file("elephants: 3").mistakes() == "1: elephants: is no known key");
    CHECK(config_file("store: memory://").mistakes() == "1: store: is no known key; did you mean 'stores'?");
    CHECK(config_file("stores: {a: {url: memory://, idle: 5s}}").mistakes() == "1: stores.a.idle: is no known key");
}

TEST_CASE("a section with nothing below it says nothing")
{
    CHECK(config_file("limits:\nlog:\nstores:\n  default:\n").mistakes().empty());
}

TEST_CASE("what is no YAML is told with its line")
{
    CHECK(config_file("listen: [a\nthreads: 2\n").mistakes().starts_with("2: is no YAML: "));
    CHECK(holds(config_file("--- {}\n--- {}\n").mistakes(), "more than one document"));
    CHECK(config_file("just words").mistakes() == "1: expects keys and values");
    CHECK_THROWS_WITH_AS(load_config("/nowhere/c.yaml", {}),
                         doctest::Contains("/nowhere/c.yaml cannot be read: No such file"), config_error);
}

TEST_CASE("ranges end where they say")
{
    const auto store = [](const std::string& setting) {
        return config_file("stores: {default: {url: memory://, " + setting + "}}").mistakes();
    };
    CHECK(store("idle_timeout: 1s").empty());
    CHECK(store("idle_timeout: 400d").empty());
    CHECK(!store("idle_timeout: 0").empty());
    CHECK(!store("idle_timeout: 34560001").empty());
    CHECK(!store("idle_timeout: 1500ms").empty());
    CHECK(!store("idle_timeout: -5").empty());
    CHECK(store("tombstone: 1d").empty());
    CHECK(!store("tombstone: 86401").empty());
    CHECK(store("deadline: 10ms").empty());
    CHECK(!store("deadline: 9ms").empty());
    CHECK(!store("deadline: 61s").empty());
    CHECK(!store("adopt_ids: perhaps").empty());
}

TEST_CASE("the environment is laid over the file")
{
    const config_file file("threads: 2\nstores: {default: {url: memory://, idle_timeout: 5m}}\n");
    const config c = file.load({{"COATCHECK_STORE", "sqlite:///tmp/x.db"},
                                {"COATCHECK_LISTEN", "127.0.0.1:1,unix:/tmp/c.sock"},
                                {"COATCHECK_OPS_LISTEN", "0.0.0.0:2"},
                                {"COATCHECK_THREADS", "5"},
                                {"COATCHECK_LOG_LEVEL", "debug"},
                                {"COATCHECK_LOG_FORMAT", "text"}});

    CHECK(c.stores.at("default").url == "sqlite:///tmp/x.db");
    CHECK(c.stores.at("default").idle_timeout == 5min);
    CHECK(c.listen.size() == 2);
    CHECK(c.ops_listen.at(0).port == 2);
    CHECK(c.threads == 5);
    CHECK(c.log.level == "debug");
    CHECK(c.log.format == log_format::text);
}

TEST_CASE("secrets can come from files, whose last line end does not count")
{
    const testing::temporary_folder folder;
    const config c = load_config("", {{"COATCHECK_STORE_FILE", folder.write("url", "sqlite:///tmp/x.db\n")},
                                      {"COATCHECK_TOKEN_FILE", folder.write("token", "0123456789abcdef\n")}});
    CHECK(c.stores.at("default").url == "sqlite:///tmp/x.db");
    CHECK(c.token == "0123456789abcdef");

    CHECK(mistakes_of({{"COATCHECK_TOKEN_FILE", "/nowhere"}}) ==
          "COATCHECK_TOKEN_FILE: token: /nowhere cannot be read: No such file or directory");
    CHECK(mistakes_of({{"COATCHECK_STORE", "memory://"}, {"COATCHECK_STORE_FILE", "/nowhere"}}) ==
          "COATCHECK_STORE: stores.default.url: is given by COATCHECK_STORE_FILE too; unset one of them");
}

TEST_CASE("a variable that nothing reads is a mistake")
{
    CHECK(mistakes_of({{"COATCHECK_LISTN", "127.0.0.1:1"}}) ==
          "COATCHECK_LISTN: is no variable of this daemon; did you mean 'COATCHECK_LISTEN'?");
    CHECK(mistakes_of({{"COATCHECK_LISTEN", ""}}) ==
          "COATCHECK_LISTEN: listen: is empty; leave it out or give it a value");
    CHECK(mistakes_of({{"COATCHECK_PORT", "9000"}}).starts_with("COATCHECK_PORT: is no variable"));
    CHECK(mistakes_of({{"COATCHECK_URL", "http://127.0.0.1:8642"},
                       {"COATCHECK_CONFIG", "x"},
                       {"COATCHECK_BACKENDS", "x"},
                       {"COATCHECKD", "x"}})
              .empty());
}

TEST_CASE("the variables of a Kubernetes Service of the same name do no harm")
{
    CHECK(mistakes_of({{"COATCHECK_SERVICE_HOST", "10.0.0.1"},
                       {"COATCHECK_SERVICE_PORT", "8642"},
                       {"COATCHECK_SERVICE_PORT_HTTP", "8642"},
                       {"COATCHECK_PORT", "tcp://10.0.0.1:8642"},
                       {"COATCHECK_PORT_8642_TCP", "tcp://10.0.0.1:8642"},
                       {"COATCHECK_PORT_8642_TCP_ADDR", "10.0.0.1"},
                       {"COATCHECK_OPS_SERVICE_HOST", "10.0.0.2"},
                       {"COATCHECK_OPS_PORT", "tcp://10.0.0.2:9100"}})
              .empty());
}

TEST_CASE("a weak or impossible token is refused and not quoted")
{
    for (const std::string token : {"short", "with spaces in between", "0123456789abcde\n"}) {
        const auto text = mistakes_of({{"COATCHECK_TOKEN", token}});
        CHECK(holds(text, "COATCHECK_TOKEN: token: a token has 16 characters or more"));
        CHECK(!holds(text, token));
    }
}

TEST_CASE("listening to others needs tokens or so many words")
{
    const config_file open("listen: [0.0.0.0:8642, 127.0.0.1:1, unix:/tmp/c.sock]");
    CHECK(open.mistakes().starts_with("1: listen: 0.0.0.0:8642 can be reached by others"));
    CHECK(holds(open.mistakes(), "--insecure"));
    CHECK(open.mistakes({{"COATCHECK_TOKEN", "0123456789abcdef"}}).empty());
    CHECK(open.mistakes({{"COATCHECK_TOKENS_FILE", "/dev/null"}}).empty());
    CHECK(open.load({}, true).insecure);
    CHECK(config_file("listen: 0.0.0.0:8642\ninsecure: true").mistakes().empty());
    CHECK(config_file("ops_listen: 0.0.0.0:8642").mistakes().empty());
    CHECK(holds(config_file("listen: '[::]:8642'").mistakes(), "can be reached by others"));
}

TEST_CASE("no address is listened to twice")
{
    CHECK(config_file("listen: 127.0.0.1:1\nops_listen: 127.0.0.1:1").mistakes() ==
          "2: ops_listen: 127.0.0.1:1 is listened to already");
    CHECK(holds(config_file("listen: 'unix:/tmp/a,unix:/tmp/a?mode=0600'").mistakes(), "is listened to already"));
    CHECK(config_file("listen: 127.0.0.1:0,127.0.0.1:0").mistakes().empty());
}

TEST_CASE("encryption has keys, in their order, and a realm")
{
    CHECK(!config_file("").load().encryption);
    const config c =
        config_file("encryption: {keys: [/dev/null, /dev/zero], realm: shop, plain_records: accept}").load();
    REQUIRE(c.encryption);
    CHECK(c.encryption->keys == std::vector<std::string>{"/dev/null", "/dev/zero"});
    CHECK(c.encryption->realm == "shop");
    CHECK(c.encryption->accepts_plain_records);

    const config from_environment = config_file("").load({{"COATCHECK_ENCRYPTION_KEY_FILES", "/dev/zero,/dev/null"}});
    REQUIRE(from_environment.encryption);
    CHECK(from_environment.encryption->keys == std::vector<std::string>{"/dev/zero", "/dev/null"});
    CHECK(from_environment.encryption->realm == "coatcheck");
    CHECK(!from_environment.encryption->accepts_plain_records);

    CHECK(config_file("encryption: {plain_records: accept}").mistakes() ==
          "encryption.keys: is missing, so nothing would be encrypted");
    CHECK(config_file("encryption: {keys: [/dev/null, /nowhere/key]}").mistakes() ==
          "1: encryption.keys: /nowhere/key cannot be read: No such file or directory");
}

TEST_CASE("a store's URL must be one that this build knows")
{
    CHECK(holds(mistakes_of({{"COATCHECK_STORE", "oracle://host/x"}}), "there is no backend oracle://"));
    const auto secret = mistakes_of({{"COATCHECK_STORE", "sqlite://user:hunter2@host:port/x"}});
    CHECK(holds(secret, "COATCHECK_STORE: stores.default.url: "));
    CHECK(!holds(secret, "hunter2"));
}

TEST_CASE("two stores may not share a place")
{
    const auto stores = [](std::string_view a, std::string_view b) {
        return config_file("stores: {default: '" + std::string(a) + "', shop: '" + std::string(b) + "'}").mistakes();
    };
    CHECK(stores("sqlite:///tmp/a.db", "sqlite:///tmp/a.db")
              .starts_with("1: stores.shop.url: names the same place as stores.default.url"));
    CHECK(stores("sqlite:///tmp/a.db", "sqlite:///tmp/b.db").empty());
    CHECK(stores("sqlite:///tmp/a.db?prefix=a", "sqlite:///tmp/a.db?prefix=b").empty());
    CHECK(stores("memory://", "memory://").empty());
}

TEST_CASE("what is described loads again as the same, without its secrets")
{
    const config_file file(R"(
listen: [127.0.0.1:1, "unix:/run/c.sock?mode=0660&group=www-data"]
ops_listen: "[::]:3"
tls: {certificate_file: /dev/null, key_file: /dev/null}
encryption: {keys: [/dev/null, /dev/zero], plain_records: accept}
threads: 3
tokens_file: /dev/null
stores:
  default: sqlite://user:hunter2@/tmp/a.db
  "null": {url: "sqlite:///tmp/b%20c.db", absolute_timeout: 36h, anonymous_idle_timeout: 90, deadline: 1500ms}
hosts: ["true", b.example]
limits: {body: 2000, header: 4KiB}
drain_delay: 0
)");
    const config first = file.load({{"COATCHECK_TOKEN", "0123456789abcdef"}});
    const std::string text = describe(first);

    CHECK(!holds(text, "hunter2"));
    CHECK(!holds(text, "0123456789abcdef"));
    const config second = config_file(text).load();
    CHECK(describe(second) == text);
    CHECK(second.listen.at(1).str() == first.listen.at(1).str());
    CHECK(second.stores.at("null").absolute_timeout == 36h);
    CHECK(second.stores.at("null").deadline == 1500ms);
    CHECK(second.stores.at("null").url == "sqlite:///tmp/b%20c.db");
    CHECK(second.hosts == first.hosts);
    CHECK(second.limits.body == 2000);
    CHECK(second.tls.has_value());
    REQUIRE(second.encryption);
    CHECK(second.encryption->keys == first.encryption->keys);
    CHECK(second.encryption->accepts_plain_records);
}
