// DynamoDB as moto plays it, which verifies signatures and policies.

#include "backends/dynamodb/credentials/answers.hpp"
#include "tests/conformance/dynamodb_server.hpp"
#include "tests/conformance/fixture.hpp"
#include "tests/support/server.hpp"

#include <cstdlib>

namespace coatcheck::conformance {

namespace {

const testing::server& moto()
{
    static const testing::server server("moto");
    return server;
}

struct access {
    std::string key;
    std::string secret;
};

std::string post_unsigned(std::uint16_t port, const http_request& request)
{
    running run;
    http_client http(run.threads(), {"moto", {"127.0.0.1", port, {}}, nullptr});
    const auto reply = run.wait(http.call(request, soon()));
    REQUIRE(reply.has_value());
    REQUIRE(reply->status == 200);
    return reply->body;
}

void allow_unsigned(std::uint16_t port, std::string calls)
{
    post_unsigned(port, {"POST", "/moto-api/reset-auth", {}, std::move(calls), effect::reads});
}

// A user who may do what `allowed` says.
access make_user(std::uint16_t port, const std::string& name, std::string_view allowed)
{
    const auto iam = [&](const std::string& form) {
        return post_unsigned(port,
                             {"POST",
                              "/",
                              {{"Content-Type", "application/x-www-form-urlencoded"},
                               {"Authorization", "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/iam/aws4_request, "
                                                 "SignedHeaders=host, Signature=b"}},
                              "Version=2010-05-08&UserName=" + name + "&" + form,
                              effect::reads});
    };
    allow_unsigned(port, "3");
    iam("Action=CreateUser");
    const auto made = iam("Action=CreateAccessKey");
    iam("Action=PutUserPolicy&PolicyName=a&PolicyDocument=" +
        dynamodb::form_encoded(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*","Action":)" +
                               std::string(allowed) + "}]}"));
    return {dynamodb::xml_text(made, "AccessKeyId"), dynamodb::xml_text(made, "SecretAccessKey")};
}

// The store as that user sees it; the environment is what it was, once open.
struct seen_by {
    seen_by(std::uint16_t port, const access& who) : url(dynamodb_at(port))
    {
        ::setenv("AWS_ACCESS_KEY_ID", who.key.c_str(), 1);
        ::setenv("AWS_SECRET_ACCESS_KEY", who.secret.c_str(), 1);
    }
    ~seen_by() { dynamodb_at(0); }

    std::string url;
};

failure why_refused(std::uint16_t port, const access& who)
{
    const seen_by as(port, who);
    fixture f(as.url);
    const auto changes = plain_changes();
    const auto written = f.wait(f.store().put(f.new_key(), changes, "red", precondition::absent(), f.now, soon()));
    REQUIRE(!written.has_value());
    CHECK(written.error().code == errc::unavailable);
    CHECK(written.error().detail.find(who.secret) == std::string::npos);
    return written.error();
}

bool says(const failure& f, std::string_view part)
{
    MESSAGE(f.detail);
    return f.detail.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("dynamodb: a user without the right to make tables is told so, and needs none where there is one")
{
    // This test is the server's first: there is no table.
    const auto user =
        make_user(moto().port(), "user", R"(["dynamodb:GetItem","dynamodb:PutItem","dynamodb:UpdateItem"])");
    CHECK(says(why_refused(moto().port(), user), "making it failed: DynamoDB: 403"));

    allow_unsigned(moto().port(), "1");
    boost::json::object make{{"TableName", "sessions"}, {"BillingMode", "PAY_PER_REQUEST"}};
    make["AttributeDefinitions"] = {{{"AttributeName", "handle"}, {"AttributeType", "S"}}};
    make["KeySchema"] = {{{"AttributeName", "handle"}, {"KeyType", "HASH"}}};
    REQUIRE(dynamodb_shell(moto().port())("CreateTable", make).contains("TableDescription"));
    const seen_by as(moto().port(), user);
    fixture f(as.url);
    const auto key = f.new_key();
    f.put(key, "red");
    f.put(key, "blue");
    CHECK(f.load(key)->payload == "blue");
}

TEST_CASE("dynamodb: signatures are what a server that verifies them wants, and wrong ones are refused clearly")
{
    const auto user = make_user(moto().port(), "signer", R"("dynamodb:*")");
    {
        const seen_by as(moto().port(), user);
        fixture f(as.url);
        const auto key = f.new_key();
        f.put(key, "red");
        f.put(key, std::string(100'000, 'x'));
        f.put(key, "blue", precondition::exists());
        f.put(key, "green", precondition::matches(version{1}));
        f.now += 30min;
        f.extend(key);
        CHECK(f.load(key)->payload == "blue");
        f.end(key);
        f.put(key, "late");
    }
    CHECK(says(why_refused(moto().port(), {user.key, "secretwrong"}), "the signature is wrong"));
    CHECK(says(why_refused(moto().port(), {"AKIAUNKNOWN", user.secret}), "the access key"));
}

TEST_CASE("dynamodb: TLS is verified, the name of the host too")
{
    const testing::temporary_folder folder;
    for (const std::string name : {"server", "other"}) {
        const auto made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test "
                          "-addext subjectAltName=IP:127.0.0.1 -keyout " +
                          folder / (name + ".key") + " -out " + folder / (name + ".pem") + " 2>/dev/null";
        REQUIRE(std::system(made.c_str()) == 0);
    }
    const testing::server server("moto", {"-c", folder / "server.pem", "-k", folder / "server.key"});
    dynamodb_at(0);
    struct {
        std::string host, trusted, expected;
    } const cases[] = {{"127.0.0.1", "server", "has no table"},
                       {"localhost", "server", "hostname mismatch"},
                       {"127.0.0.1", "other", "self-signed certificate"}};
    for (const auto& c : cases) {
        fixture f("dynamodb://eu-central-1/sessions?create=off&endpoint=https://" + c.host + ":" +
                  std::to_string(server.port()) + "&ca=" + folder / (c.trusted + ".pem"));
        const auto held = f.wait(f.store().load(f.new_key(), soon()));
        REQUIRE(!held.has_value());
        CHECK(says(held.error(), c.expected));
    }
}

} // namespace coatcheck::conformance
