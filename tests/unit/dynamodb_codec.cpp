#include "backends/dynamodb/answer.hpp"
#include "backends/dynamodb/commands.hpp"
#include "backends/dynamodb/dynamodb_config.hpp"
#include "backends/dynamodb/item.hpp"

#include <boost/json.hpp>
#include <doctest/doctest.h>

namespace coatcheck::dynamodb {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using type = answer::type;

head sample_head()
{
    head h;
    h.what = kind::live;
    h.revision = ~std::uint64_t{0};
    h.data_version = {~std::uint64_t{0} - 1};
    h.created = time_point{1ms};
    h.last_seen = time_point{2ms};
    h.expires = time_point{3ms};
    h.keep_until = time_point{4001ms};
    h.idle = 400 * 24h;
    h.lock_token = 7;
    h.locked_until = time_point{5ms};
    h.subject = std::string("a\0\xff", 3);
    h.label = "phone";
    return h;
}

json::object item_in(const std::string& command)
{
    return json::parse(command).as_object().at("Item").as_object();
}

type what(unsigned status, std::string_view name, std::string_view message = "")
{
    const json::object body{{"__type", "com.amazon.coral.service#" + std::string(name)}, {"message", message}};
    return read_answer(status, json::serialize(body)).what;
}

} // namespace

TEST_CASE("dynamodb codec: a record is an item, and comes back")
{
    const auto key = handle_maker()("0123456789abcdef");
    for (const std::string& payload : {std::string(), std::string("red"), std::string("\0\x01", 2)}) {
        const auto item = item_in(commands::insert("sessions", key, sample_head(), payload));
        CHECK(*head_of(item) == sample_head());
        CHECK(*payload_of(item) == payload);
        CHECK(revision_of(item) == sample_head().revision);
        CHECK(item.at("expires_at").at("N") == "5");
        CHECK(item.contains("payload") == !payload.empty());
    }
    const auto bare = item_in(commands::insert("sessions", key, head{}, ""));
    CHECK(!bare.contains("subject"));
    CHECK(*head_of(bare) == head{});
}

TEST_CASE("dynamodb codec: every command is JSON, whatever is in it")
{
    const auto key = handle_maker()("0123456789abcdef");
    head_changes changes;
    changes.default_idle = 1h;
    for (int flags = 0; flags < 16; ++flags) {
        changes.idle = (flags & 1) != 0 ? std::optional(2h) : std::nullopt;
        changes.absolute = (flags & 2) != 0 ? std::optional(3h) : std::nullopt;
        changes.subject = (flags & 4) != 0 ? std::optional<std::string>("\"\\\n") : std::nullopt;
        changes.label = (flags & 8) != 0 ? std::optional<std::string>("") : std::nullopt;
        for (const auto when : {precondition::none(), precondition::matches({1}), precondition::at_revision(2)}) {
            const auto body = commands::overwrite("sessions", key, changes, when, "\"", time_point{1h});
            boost::system::error_code ec;
            const auto parsed = json::parse(body, ec);
            REQUIRE(!ec);
            // DynamoDB refuses values that no expression uses, and uses of values that are not there.
            const auto& o = parsed.as_object();
            const std::string used = std::string(o.at("UpdateExpression").as_string()) + " " +
                                     std::string(o.at("ConditionExpression").as_string()) + " ";
            for (const auto& value : o.at("ExpressionAttributeValues").as_object())
                CHECK(used.find(std::string(value.key())) != std::string::npos);
        }
    }
    for (const auto& body : {commands::get("t-1", key, false), commands::get("t-1", key, true),
                             commands::create_table("t-1"), commands::enable_expiry("t-1"), commands::describe("t-1"),
                             commands::replace("t-1", key, sample_head(), sample_head(), "a"),
                             commands::replace("t-1", key, std::nullopt, sample_head(), ""),
                             commands::replace_head("t-1", key, sample_head(), sample_head())})
        CHECK(json::parse(body).at("TableName") == "t-1");
}

TEST_CASE("dynamodb codec: errors are told apart by what has happened")
{
    CHECK(what(400, "ConditionalCheckFailedException") == type::condition_failed);
    CHECK(what(400, "ResourceNotFoundException") == type::no_table);
    CHECK(what(400, "ResourceInUseException") == type::in_use);
    for (const auto* name : {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
                             "LimitExceededException"})
        CHECK(what(400, name) == type::throttled);
    CHECK(what(429, "Whatever") == type::throttled);
    CHECK(what(400, "ExpiredTokenException") == type::expired);
    for (const auto* name : {"UnrecognizedClientException", "InvalidSignatureException", "AccessDeniedException"})
        CHECK(what(400, name) == type::refused);
    CHECK(what(403, "Whatever") == type::refused);
    CHECK(what(500, "InternalServerError") == type::unknown);
    CHECK(what(503, "Whatever") == type::unknown);
    CHECK(what(400, "ValidationException", "Item size has exceeded the maximum allowed size") == type::item_too_large);
    CHECK(what(400, "ValidationException", "no") == type::wrong);
    CHECK(what(413, "Whatever") == type::wrong);
    CHECK(read_answer(200, "{}").what == type::done);
    CHECK(read_answer(200, "[]").what == type::unknown);
    CHECK(read_answer(200, "").what == type::unknown);
    CHECK(read_answer(502, "<html>").what == type::unknown);
    CHECK(read_answer(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>").what == type::refused);
}

TEST_CASE("dynamodb codec: what a server says is quoted without what it may repeat of the request")
{
    const json::object body{{"__type", "a#InvalidSignatureException"},
                            {"message", "The Canonical String should have been 'x-amz-security-token:verysecret'"}};
    const auto a = read_answer(400, json::serialize(body));
    CHECK(a.detail.find("verysecret") == std::string::npos);
    CHECK(a.detail.find("the signature is wrong") != std::string::npos);
    const json::object late{{"__type", "a#InvalidSignatureException"}, {"message", "Signature expired: 2026 is now"}};
    CHECK(read_answer(400, json::serialize(late)).detail.find("clock is wrong") != std::string::npos);
    const auto noisy = read_answer(400, R"({"__type":"A\n","message":"b\u0007)" + std::string(1000, 'x') + "\"}");
    CHECK(noisy.detail.find('\n') == std::string::npos);
    CHECK(noisy.detail.size() < 400);
}

TEST_CASE("dynamodb codec: the region names the server")
{
    const auto server = [](const char* url) { return parse_config(backend_url::parse(url)).where; };
    CHECK(server("dynamodb://eu-central-1/sessions").host == "dynamodb.eu-central-1.amazonaws.com");
    CHECK(server("dynamodb://cn-north-1/sessions").host == "dynamodb.cn-north-1.amazonaws.com.cn");
    CHECK(server("dynamodb://eu-central-1/sessions").tls);
    CHECK(server("dynamodb://eu-central-1/sessions").port == 443);
    CHECK(server("dynamodb://a/sessions?endpoint=http://[::1]:8000/").host == "::1");
    CHECK(server("dynamodb://a/sessions?endpoint=https://host").port == 443);
}

} // namespace coatcheck::dynamodb
