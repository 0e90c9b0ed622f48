#include "backends/dynamodb/credentials/answers.hpp"
#include "backends/dynamodb/credentials/chain.hpp"
#include "backends/dynamodb/credentials/profile_file.hpp"
#include "tests/support/http_stub.hpp"
#include "tests/support/running.hpp"
#include "tests/support/temporary_folder.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;
using variables = std::map<std::string, std::string>;

environment environment_of(const variables& set)
{
    return read_environment([&](const char* name) -> std::optional<std::string> {
        const auto at = set.find(name);
        return at != set.end() ? std::optional(at->second) : std::nullopt;
    });
}

deadline soon()
{
    return std::chrono::steady_clock::now() + 20s;
}

std::string text(const result<credential_chain::shared>& got)
{
    return got ? (*got)->key_id + "/" + (*got)->secret + "/" + (*got)->token : got.error().detail;
}

// What the chain gives where these variables are set.
std::string chosen(variables set)
{
    set.try_emplace("AWS_EC2_METADATA_DISABLED", "true");
    running run;
    credential_chain chain(run.threads(), make_credential_sources(environment_of(set), "eu-central-1", run.threads()));
    return text(run.wait(chain.current(soon())));
}

std::string json_answer(const std::string& key, const std::string& expiration = "2099-01-01T00:00:00Z")
{
    return R"({"Code":"Success","AccessKeyId":")" + key + R"(","SecretAccessKey":"s","Token":"t","Expiration":")" +
           expiration + "\"}";
}

bool starts_with(const std::string& request, std::string_view line)
{
    return request.starts_with(line);
}

bool holds(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

constexpr std::string_view sts_answer = R"(<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>
<Audience>a</Audience><Credentials><AccessKeyId>AKSTS</AccessKeyId><SecretAccessKey>s&amp;s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>)";

} // namespace

TEST_CASE("credentials: profiles are read as AWS's tools read them")
{
    constexpr std::string_view file =
        "# comment\n[default]\naws_access_key_id = AK\n  nested = x\n\n"
        "[ other ]\r\nAWS_Secret_Access_Key=a=b # said\r\n; [default]\nline\n"
        "[profile named]\nregion = x\n[profile \"quoted name\"]\nregion=y\n[default]\nregion=z\n";
    CHECK(find_profile(file, "default", false) == profile{{"aws_access_key_id", "AK"}, {"region", "z"}});
    CHECK(find_profile(file, "other", false) == profile{{"aws_secret_access_key", "a=b"}});
    CHECK(find_profile(file, "other", true).empty());
    CHECK(find_profile(file, "named", true) == profile{{"region", "x"}});
    CHECK(find_profile(file, "quoted name", true) == profile{{"region", "y"}});
    CHECK(find_profile(file, "profile named", false) == profile{{"region", "x"}});
    CHECK(find_profile("", "default", false).empty());
    CHECK(find_profile("[", "", false).empty());
    CHECK(find_profile("[default", "default", false).empty());
}

TEST_CASE("credentials: answers are read, and what is no answer is refused without quoting it")
{
    const auto json = read_json_credentials(json_answer("AK", "2026-01-02T03:04:05Z"));
    REQUIRE(json.has_value());
    CHECK(json->key_id == "AK");
    CHECK(json->token == "t");
    CHECK(json->expires == time_point{1'767'323'045'000ms});
    CHECK(read_json_credentials(R"({"AccessKeyId":"a","SecretAccessKey":"b"})")->expires == std::nullopt);
    const auto xml = read_sts_credentials(sts_answer);
    REQUIRE(xml.has_value());
    CHECK(xml->secret == "s&s");
    for (const std::string body : {"", "{", "[]", "verysecret", R"({"AccessKeyId":"verysecret"})",
                                   R"({"Code":"Failed","AccessKeyId":"a","SecretAccessKey":"verysecret"})",
                                   R"({"AccessKeyId":"a","SecretAccessKey":"verysecret","Expiration":"soon"})",
                                   R"({"AccessKeyId":"a\r\nb: c","SecretAccessKey":"verysecret"})",
                                   "<Credentials><AccessKeyId>verysecret</AccessKeyId></Credentials>"}) {
        CAPTURE(body);
        for (const auto& refused : {read_json_credentials(body), read_sts_credentials(body)}) {
            REQUIRE(!refused.has_value());
            CHECK(!holds(refused.error().detail, "verysecret"));
        }
    }
    CHECK(form_encoded("a b/ü~") == "a%20b%2F%C3%BC~");
}

TEST_CASE("credentials: the environment goes first")
{
    const testing::temporary_folder home;
    home.write(".aws/credentials", "[default]\naws_access_key_id=AKFILE\naws_secret_access_key=s\n");
    variables set{{"HOME", home.path().string()}};
    CHECK(chosen(set) == "AKFILE/s/");
    set["AWS_ACCESS_KEY_ID"] = "AKENV";
    CHECK(holds(chosen(set), "go together"));
    set["AWS_SECRET_ACCESS_KEY"] = "e";
    CHECK(chosen(set) == "AKENV/e/");
    set["AWS_SESSION_TOKEN"] = "t";
    CHECK(chosen(set) == "AKENV/e/t");
    CHECK(holds(chosen({}), "there are no AWS credentials"));
}

TEST_CASE("credentials: a profile is found in either file, and one that wants more is refused")
{
    const testing::temporary_folder home;
    const auto shared =
        home.write("c", "[app]\naws_access_key_id=AKAPP\naws_secret_access_key=s\naws_session_token=t\n");
    const auto config = home.write("d", "[profile web]\naws_access_key_id=AKWEB\naws_secret_access_key=w\n"
                                        "[profile sso]\nsso_session=a\n[profile role]\nrole_arn=a\nsource_profile=app\n"
                                        "[profile process]\ncredential_process=rm\n[profile empty]\nregion=a\n");
    const auto with = [&](const std::string& profile) {
        return chosen({{"AWS_PROFILE", profile}, {"AWS_SHARED_CREDENTIALS_FILE", shared}, {"AWS_CONFIG_FILE", config}});
    };
    CHECK(with("app") == "AKAPP/s/t");
    CHECK(with("web") == "AKWEB/w/");
    CHECK(holds(with("sso"), "wants sso_session, which is not supported"));
    CHECK(holds(with("role"), "source_profile"));
    CHECK(holds(with("process"), "credential_process"));
    CHECK(holds(with("empty"), "'empty' has no credentials"));
    CHECK(holds(with("none"), "'none' has no credentials"));
}

TEST_CASE("credentials: a web identity is changed for a role's credentials")
{
    const testing::temporary_folder folder;
    std::atomic<bool> refuses = false;
    http_stub sts([&](const auto&) {
        return refuses
                   ? http_stub::reply("<Error><Code>ExpiredTokenException</Code><Message>verysecret</Message></Error>",
                                      "400 Bad Request")
                   : http_stub::reply(sts_answer);
    });
    variables set{{"AWS_WEB_IDENTITY_TOKEN_FILE", folder.write("token", "jwt+a\n")},
                  {"AWS_ENDPOINT_URL_STS", sts.url()}};
    CHECK(holds(chosen(set), "AWS_ROLE_ARN is not"));
    set["AWS_ROLE_ARN"] = "arn:aws:iam::1:role/app";
    CHECK(chosen(set) == "AKSTS/s&s/t");
    const auto request = sts.requests().at(0);
    CHECK(starts_with(request, "POST / HTTP/1.1\r\n"));
    CHECK(holds(request,
                "\r\n\r\nAction=AssumeRoleWithWebIdentity&Version=2011-06-15&"
                "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp&RoleSessionName=coatcheck&WebIdentityToken=jwt%2Ba"));
    refuses = true;
    CHECK(
        holds(chosen(set), "STS refuses the web identity for the role arn:aws:iam::1:role/app: ExpiredTokenException"));
    CHECK(!holds(chosen(set), "verysecret"));
    set["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder / "none";
    CHECK(holds(chosen(set), "cannot be read"));

    refuses = false;
    const auto config =
        folder.write("config", "[profile eks]\nrole_arn=arn\nweb_identity_token_file=" + folder / "token" +
                                   "\nrole_session_name=me\n");
    CHECK(chosen({{"AWS_PROFILE", "eks"}, {"AWS_CONFIG_FILE", config}, {"AWS_ENDPOINT_URL_STS", sts.url()}}) ==
          "AKSTS/s&s/t");
    CHECK(holds(sts.requests().back(), "RoleArn=arn&RoleSessionName=me&"));
}

TEST_CASE("credentials: a container's endpoint hands them out, for the token it gave")
{
    const testing::temporary_folder folder;
    http_stub agent([](const auto& request) {
        return holds(request, "Authorization: ") ? http_stub::reply(json_answer("AKBOX"))
                                                 : http_stub::reply("who", "401 Unauthorized");
    });
    variables set{{"AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.url() + "/v1/credentials?id=1"}};
    CHECK(holds(chosen(set), "answered 401"));
    set["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "plain";
    CHECK(chosen(set) == "AKBOX/s/t");
    CHECK(starts_with(agent.requests().back(), "GET /v1/credentials?id=1 HTTP/1.1\r\n"));
    CHECK(holds(agent.requests().back(), "\r\nAuthorization: plain\r\n"));
    set["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = folder.write("token", "from file\n");
    CHECK(chosen(set) == "AKBOX/s/t");
    CHECK(holds(agent.requests().back(), "\r\nAuthorization: from file\r\n"));

    running run;
    for (const auto* elsewhere : {"http://192.0.2.1/", "http://example.com/", "ftp://127.0.0.1/", "http://127.x@a/"})
        CHECK_THROWS_AS(make_credential_sources(environment_of({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere}}),
                                                "a", run.threads()),
                        std::invalid_argument);
    for (const auto* here : {"https://example.com/", "http://[fd00:ec2::23]/v1", "http://169.254.170.23/v1"})
        make_credential_sources(environment_of({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", here}}), "a", run.threads());
    CHECK(environment_of({{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6"}}).metadata == "http://[fd00:ec2::254]");
}

TEST_CASE("credentials: the instance's metadata is asked with a token, never without")
{
    http_stub metadata([](const std::string& request) {
        if (request.starts_with("PUT /latest/api/token "))
            return http_stub::reply(holds(request, "\r\nX-aws-ec2-metadata-token-ttl-seconds: ") ? "proof" : "");
        if (!holds(request, "\r\nX-aws-ec2-metadata-token: proof\r\n"))
            return http_stub::reply("", "401 Unauthorized");
        if (request.starts_with("GET /latest/meta-data/iam/security-credentials/ "))
            return http_stub::reply("app-role\n");
        if (request.starts_with("GET /latest/meta-data/iam/security-credentials/app-role "))
            return http_stub::reply(json_answer("AKEC2"));
        return http_stub::reply("", "404 Not Found");
    });
    variables set{{"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url()}, {"AWS_EC2_METADATA_DISABLED", "false"}};
    CHECK(chosen(set) == "AKEC2/s/t");
    CHECK(metadata.requests().size() == 3);
    set["AWS_EC2_METADATA_DISABLED"] = "true";
    CHECK(holds(chosen(set), "there are no AWS credentials"));
    CHECK(metadata.requests().size() == 3);

    http_stub first_version([](const std::string& request) {
        return request.starts_with("PUT ") ? http_stub::reply("", "405 Method Not Allowed")
                                           : http_stub::reply(json_answer("AKV1"));
    });
    CHECK(holds(chosen({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", first_version.url()}, {"AWS_EC2_METADATA_DISABLED", ""}}),
                "answered 405"));
    for (const auto& request : first_version.requests())
        CHECK(starts_with(request, "PUT "));
}

} // namespace coatcheck::dynamodb
