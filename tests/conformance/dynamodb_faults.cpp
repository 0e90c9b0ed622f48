// DynamoDB: what happens when it throttles and fails, and when its table is not there.

#include "tests/conformance/dynamodb_server.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

namespace coatcheck::conformance {

namespace {

namespace json = boost::json;

// Its table goes with the test.
struct empty_server {
    empty_server() : port(running().port()), shell(port) {}
    ~empty_server() { shell("DeleteTable", {{"TableName", "sessions"}}); }

    static testing::server& running()
    {
        static testing::server server("dynamodb", {"-inMemory"});
        return server;
    }

    std::uint16_t port;
    dynamodb_shell shell;
};

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

// Until it holds, for ten seconds at most.
bool eventually(const std::function<bool()>& holds)
{
    for (int i = 0; i < 500; ++i) {
        if (holds())
            return true;
        std::this_thread::sleep_for(20ms);
    }
    return false;
}

// Of the server that the suite runs on.
std::uint16_t healthy_port()
{
    const auto url = store_url();
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

} // namespace

TEST_CASE("dynamodb: throttling costs time, and nothing else")
{
    meddler between(healthy_port());
    fixture f(dynamodb_at(between.port()));
    const auto key = f.new_key();
    f.put(key, "red", precondition::absent());
    for (const auto* type : {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"}) {
        const auto busy = meddler::error("400 Bad Request", type, "later");
        between.instead("UpdateItem", 2, busy);
        f.put(key, "blue");
        between.instead("GetItem", 2, busy);
        CHECK(f.load(key)->payload == "blue");
        between.instead("UpdateItem", 1000, busy);
        const auto start = std::chrono::steady_clock::now();
        const auto refused = try_put(f, key, "green", precondition::none(), start + 300ms);
        CHECK(code_of(refused) == errc::unavailable);
        CHECK(says(refused.error().detail, type));
        CHECK(std::chrono::steady_clock::now() - start < 2s);
        between.instead("", 0, "");
        CHECK(f.load(key)->payload == "blue");
    }
}

TEST_CASE("dynamodb: a write whose outcome the server does not know is not repeated, a read is")
{
    meddler between(healthy_port());
    fixture f(dynamodb_at(between.port()));
    const auto key = f.new_key();
    f.put(key, "red", precondition::absent());
    between.calls();
    const auto broken = meddler::error("500 Internal Server Error", "InternalServerError", "oh");
    for (const auto& reply : {broken, http_stub::reply("<html>", "503 Service Unavailable"),
                              http_stub::reply("half", "200 OK"), std::string()}) {
        CAPTURE(reply);
        between.after("UpdateItem", reply.empty() ? "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n" : reply);
        CHECK(code_of(try_put(f, key, "blue")) == errc::timed_out);
        CHECK(between.calls() == std::vector<std::string>{"UpdateItem"});
        if (reply.empty())
            continue;
        between.instead("GetItem", 2, reply);
        const auto held = f.wait(f.store().load(key, soon()));
        REQUIRE(held.has_value());
        CHECK((*held)->payload == "blue");
        CHECK(between.calls().size() == 3);
    }
}

TEST_CASE("dynamodb: a table that is not there is made, and forgets what has expired")
{
    empty_server server;
    auto& own = server.shell;
    const auto url = dynamodb_at(server.port);
    const auto status = [&] { return json::serialize(own("DescribeTimeToLive", {{"TableName", "sessions"}})); };
    {
        fixture f(url + "&create=off");
        const auto held = f.wait(f.store().load(f.new_key(), soon()));
        CHECK(code_of(held) == errc::unavailable);
        CHECK(says(held.error().detail, "no table 'sessions'"));
        CHECK(code_of(try_put(f, f.new_key(), "red")) == errc::unavailable);
    }
    fixture one(url);
    fixture other(url);
    std::atomic<int> written = 0;
    one.parallel(16, [&](std::size_t) -> awaitable<void> {
        const auto changes = plain_changes();
        const auto key = one.new_key();
        const auto w = co_await one.store().put(key, changes, "red", precondition::absent(), one.now, soon());
        written += w.has_value() ? 1 : 0;
    });
    other.put(other.new_key(), "red");
    CHECK(written == 16);
    CHECK(eventually([&] { return says(status(), R"("TimeToLiveStatus":"ENABLED","AttributeName":"expires_at")"); }));
    const auto warning = [](fixture& f) { return f.store().acknowledges().warning; };
    CHECK(eventually([&] { return !says(warning(one), "never forgets"); }));

    const json::object table{{"TableName", "sessions"}};
    own("DeleteTable", table);
    CHECK(try_put(one, one.new_key(), "red").has_value()); // made anew
    CHECK(eventually([&] { return says(status(), R"("TimeToLiveStatus":"ENABLED")"); }));
}

TEST_CASE("dynamodb: a table that somebody else made is used as it is, and said to grow if it does")
{
    empty_server server;
    auto& own = server.shell;
    const json::object table{{"TableName", "sessions"}};
    auto make = table;
    make["AttributeDefinitions"] = {{{"AttributeName", "handle"}, {"AttributeType", "S"}}};
    make["KeySchema"] = {{{"AttributeName", "handle"}, {"KeyType", "HASH"}}};
    make["BillingMode"] = "PAY_PER_REQUEST";
    REQUIRE(own("CreateTable", make).contains("TableDescription"));
    const auto url = dynamodb_at(server.port) + "&create=off";
    const auto grows = [](fixture& f) { return says(f.store().acknowledges().warning, "never forgets, and grows"); };
    {
        fixture f(url);
        f.put(f.new_key(), "red");
        CHECK(eventually([&] { return grows(f); }));
    }
    auto expiry = table;
    expiry["TimeToLiveSpecification"] = {{"Enabled", true}, {"AttributeName", "expires_at"}};
    own("UpdateTimeToLive", expiry);
    meddler between(server.port);
    const auto refused = meddler::error("400 Bad Request", "AccessDeniedException", "not authorized");
    between.instead("DescribeTimeToLive", 1, refused);
    fixture f(dynamodb_at(between.port()) + "&create=off");
    f.put(f.new_key(), "red");
    f.put(f.new_key(), "red");
    CHECK(!grows(f));
}

} // namespace coatcheck::conformance
