// DynamoDB: the suite, on the DynamoDB that Amazon gives to developers, and what is true of it alone.

#include "backends/registry.hpp"
#include "tests/conformance/dynamodb_server.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

namespace coatcheck::conformance {

namespace {

namespace json = boost::json;

testing::server& shared_server()
{
    static testing::server server("dynamodb", {"-inMemory"});
    return server;
}

dynamodb_shell& shell()
{
    static dynamodb_shell one(shared_server().port());
    return one;
}

std::string name_of(const session_key& key)
{
    return std::string(key.name.str());
}

std::string seconds(time_point t)
{
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(t).time_since_epoch().count());
}

// Stores an item that only somebody else would write.
void put_item(const session_key& key, json::object item)
{
    item["handle"] = {{"S", name_of(key)}};
    const auto done = shell()("PutItem", {{"TableName", "sessions"}, {"Item", item}});
    REQUIRE(!done.contains("__type"));
}

json::object item_of(const session_key& key)
{
    const json::object asked{{"TableName", "sessions"}, {"Key", {{"handle", {{"S", name_of(key)}}}}}};
    return shell()("GetItem", asked).at("Item").as_object();
}

template <class T>
errc code_of(const result<T>& answer)
{
    REQUIRE(!answer.has_value());
    return answer.error().code;
}

result<write> try_put(fixture& f, const session_key& key, std::string_view payload,
                      precondition when = precondition::none(), deadline by = soon())
{
    return f.wait(f.store().put(key, plain_changes(), payload, when, f.now, by));
}

bool says(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

std::string refusal_of(const std::string& url)
{
    runtime threads(1);
    try {
        open_backend(url, threads);
    } catch (const std::invalid_argument& e) {
        CHECK_THROWS_AS(check_backend(url), std::invalid_argument);
        return e.what();
    }
    return "opened";
}

} // namespace

std::string store_url()
{
    return dynamodb_at(shared_server().port());
}

std::optional<remote_store> remote()
{
    return remote_store{.kind = "dynamodb", .url = &dynamodb_at, .keeps_data = true};
}

TEST_CASE("dynamodb: a URL that is wrong says so")
{
    CHECK(says(refusal_of("dynamodb://"), "needs a region"));
    CHECK(says(refusal_of("dynamodb://db.example.com/sessions"), "needs a region"));
    CHECK(says(refusal_of("dynamodb://eu-central-1"), "needs a table"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/ab"), "3 to 255"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/a/b"), "needs a table"));
    CHECK(says(refusal_of("dynamodb://eu-central-1:8000/sessions"), "no port"));
    const auto user = refusal_of("dynamodb://AKID:verysecret@eu-central-1/sessions");
    CHECK(says(user, "takes no user"));
    CHECK(!says(user, "verysecret"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?endpoint=127.0.0.1:8000"), "http://127.0.0.1:8000"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?endpoint=http://a/b"), "no path"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?endpoint=http://a&ca=/ca.pem"), "https"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?ca=/there/is/none"), "CA file"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?create=no"), "on or off"));
    CHECK(says(refusal_of("dynamodb://eu-central-1/sessions?creat=off"), "creat"));
    for (const auto* url :
         {"dynamodb://eu-central-1/sessions", "dynamodb://cn-north-1/a.b-C_9?create=off",
          "dynamodb://us-east-1/sessions?endpoint=http://[::1]:8000&profile=app",
          "dynamodb://us-east-1/sessions?endpoint=https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com"})
        check_backend(url);
}

TEST_CASE("dynamodb: what it guarantees is Amazon's word, or that of an endpoint nobody knows")
{
    runtime threads(1);
    const auto real = open_backend("dynamodb://eu-central-1/sessions", threads);
    CHECK(real->caps().durable);
    CHECK(real->caps().conditional_writes == kept_by::store);
    CHECK(real->caps().ended_records == tombstones::kept);
    CHECK(says(real->acknowledges().means, "several of the region's zones"));
    CHECK(real->acknowledges().warning.empty());
    const auto local = open_backend(store_url(), threads);
    CHECK(!local->caps().durable);
    CHECK(says(local->acknowledges().warning, "not known"));
    CHECK(says(schema_of("dynamodb://eu-central-1/sessions"), "--region eu-central-1 --table-name sessions"));
}

TEST_CASE("dynamodb: the largest session there may be is taken, with the largest head, and one byte more is not")
{
    fixture f;
    const auto limit = *f.store().caps().max_payload;
    CHECK(limit == 397 * 1024);
    auto changes = plain_changes();
    changes.subject = std::string(max_subject_length, 's');
    changes.label = std::string(max_label_length, 'l');
    changes.next = version{~std::uint64_t{0}};
    const std::string largest(limit, 'x');
    for (const auto when : {precondition::absent(), precondition::none()}) {
        const auto key = f.new_key();
        f.put(key, largest, when, changes);                 // a creation
        f.put(key, largest, precondition::none(), changes); // in one step
        changes.default_idle = 2h;
        f.put(key, largest, precondition::exists(), changes); // and in two
        changes.default_idle = 1h;
        CHECK((f.load(key)->payload == largest));
        CHECK(code_of(f.wait(f.store().put(key, changes, largest + "x", when, f.now, soon()))) == errc::too_large);
    }
}

TEST_CASE("dynamodb: the item is named by the handle, and goes in whole seconds, never before its keep_until")
{
    fixture f;
    const auto key = f.new_key();
    const auto goes = [&] { return shell().attribute(name_of(key), "expires_at", "N"); };
    f.now += 1ms;
    f.put(key, "red");
    CHECK(goes() == seconds(f.load(key)->about.keep_until));
    CHECK(shell().attribute(name_of(key), "revision", "N") == "1");
    CHECK(shell().attribute(name_of(key), "payload", "B") == "cmVk");
    f.now += 20min;
    f.put(key, "blue");
    CHECK(goes() == seconds(f.now + 76min));
    f.now += 20min;
    f.extend(key);
    CHECK(goes() == seconds(f.now + 76min));
    f.end(key, 5min);
    CHECK(goes() == seconds(f.now + 5min));
    CHECK(shell().attribute(name_of(key), "payload", "B").empty());
}

TEST_CASE("dynamodb: reads, creations and writes over a live session are one call, others two")
{
    meddler between(shared_server().port());
    fixture f(dynamodb_at(between.port()));
    const auto calls = [&] { return between.calls(); };
    using list = std::vector<std::string>;
    const auto key = f.new_key();
    f.put(key, "red", precondition::absent());
    CHECK(calls() == list{"PutItem"});
    const auto first = f.load(key)->about;
    CHECK(calls() == list{"GetItem"});
    for (const auto when : {precondition::none(), precondition::exists(), precondition::matches(first.data_version)}) {
        auto changes = plain_changes();
        changes.next = first.data_version;
        f.put(key, "blue", when, changes);
        CHECK(calls() == list{"UpdateItem"});
    }
    f.put(key, "blue", precondition::at_revision(4));
    CHECK(calls() == list{"UpdateItem"});
    auto changes = plain_changes();
    changes.idle = 2h;
    changes.absolute = 5h;
    changes.subject = "ada";
    f.put(key, "", precondition::none(), changes);
    CHECK(calls() == list{"UpdateItem"});
    changes.subject = "";
    f.put(key, "", precondition::none(), changes);
    CHECK(calls() == list{"UpdateItem"});
    f.load(key);
    calls();

    f.put(key, "refused", precondition::absent()); // the refusal says what is there
    CHECK(calls() == list{"PutItem"});
    f.put(key, "refused", precondition::matches(version{1}));
    CHECK(calls() == list{"UpdateItem"});
    f.put(key, "green"); // another idle timeout than the default
    CHECK(calls() == list{"UpdateItem", "PutItem"});
    f.put(f.new_key(), "red");
    CHECK(calls() == list{"UpdateItem", "PutItem"});
    f.now += 4h;
    f.extend(key);
    CHECK(calls() == list{"GetItem"});
    const auto other = f.new_key();
    f.put(other, "red", precondition::absent());
    f.now += 30min;
    calls();
    f.extend(other);
    CHECK(calls() == list{"GetItem", "UpdateItem"});
    f.end(other);
    CHECK(calls() == list{"GetItem", "PutItem"});
}

TEST_CASE("dynamodb: what is no record, or of a later release, is never overwritten, and can be ended")
{
    fixture f;
    const auto good = f.new_key();
    f.put(good, "red");
    const auto record = item_of(good);
    std::vector<std::pair<json::object, errc>> items{{{}, errc::corrupt},
                                                     {{{"payload", {{"B", "cmVk"}}}}, errc::corrupt}};
    const auto but = [&](std::string_view name, json::object value, errc why) {
        auto item = record;
        item[name] = std::move(value);
        items.emplace_back(std::move(item), why);
    };
    but("record_format", {{"N", "2"}}, errc::newer_format);
    but("record_format", {{"S", "1"}}, errc::corrupt);
    but("record_format", {{"N", "0"}}, errc::corrupt);
    but("kind", {{"N", "9"}}, errc::corrupt);
    for (const std::string_view name : {"revision", "data_version", "created", "last_seen", "expires", "absolute_end",
                                        "keep_until", "idle", "lock_token", "locked_until"}) {
        but(name, {{"S", "1"}}, errc::corrupt);
        auto item = record;
        item.erase(name);
        items.emplace_back(std::move(item), errc::corrupt);
    }
    for (const std::string_view name : {"subject", "label"})
        but(name, {{"S", "ada"}}, errc::corrupt);
    but("expires", {{"N", "9007199254740992"}}, errc::corrupt);
    but("idle", {{"N", "3600.5"}}, errc::corrupt);
    for (const auto& [item, why] : items) {
        const auto key = f.new_key();
        CAPTURE(json::serialize(item));
        put_item(key, item);
        const auto before = item_of(key);
        CHECK(code_of(f.wait(f.store().load(key, soon()))) == why);
        CHECK(code_of(try_put(f, key, "blue")) == why);
        CHECK(code_of(try_put(f, key, "blue", precondition::absent())) == why);
        CHECK(code_of(f.wait(f.store().extend(key, f.now + 30min, 10min, soon()))) == why);
        CHECK(item_of(key) == before);
        CHECK(f.wait(f.store().end(key, f.now, f.now + 1min, soon())).has_value());
        CHECK(f.wait(f.store().load(key, soon()))->value().about.what == kind::ended);
    }
    const auto key = f.new_key();
    auto item = record;
    item["payload"] = {{"S", "red"}};
    put_item(key, item);
    CHECK(code_of(f.wait(f.store().load(key, soon()))) == errc::corrupt);
    CHECK(try_put(f, key, "blue").has_value() == false);
}

} // namespace coatcheck::conformance
