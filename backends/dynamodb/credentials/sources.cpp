#include "backends/dynamodb/credentials/answers.hpp"
#include "backends/dynamodb/credentials/profile_file.hpp"
#include "backends/dynamodb/credentials/source.hpp"
#include "backends/dynamodb/endpoint.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace coatcheck::dynamodb {

namespace {

using namespace std::chrono_literals;
using found = std::optional<credentials>;

failure unusable(std::string why)
{
    return {errc::unavailable, std::move(why)};
}

std::optional<std::string> read_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(in), {}};
}

// What is in a file that holds one token and, mostly, an end of line.
std::string read_token(const std::string& path)
{
    std::string text = read_file(path).value_or(std::string());
    text.erase(std::min(text.find_last_not_of(" \t\r\n") + 1, text.size()));
    return text;
}

// The body of an answer of 200; `what` asked for it.
result<std::string> body_of(result<http_reply> reply, std::string_view what)
{
    if (!reply)
        return unusable(std::move(reply).error().detail);
    if (reply->status != 200)
        return unusable(std::string(what) + " answered " + std::to_string(reply->status));
    return std::move(reply->body);
}

class environment_source final : public credential_source {
public:
    explicit environment_source(const environment& from) : from_(from) {}

    awaitable<result<found>> fetch(deadline) override
    {
        if (from_.key_id.empty() && from_.secret.empty())
            co_return std::nullopt;
        if (from_.key_id.empty() || from_.secret.empty())
            co_return unusable("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: one of them is not set");
        co_return found({from_.key_id, from_.secret, from_.token, {}});
    }

private:
    const environment from_;
};

// Changes the token that a platform, such as Kubernetes, put into a file for a role's credentials.
class web_identity {
public:
    web_identity(const environment& from, const std::string& region, runtime& threads)
        : threads_(threads),
          where_(from.sts.empty() ? endpoint_of("sts", region) : parse_endpoint(from.sts, "AWS_ENDPOINT_URL_STS"))
    {}

    awaitable<result<found>> assume(std::string role, std::string token_file, std::string session, deadline by)
    {
        const auto token = read_token(token_file);
        if (token.empty())
            co_return unusable("the web identity's token file '" + token_file + "' cannot be read, or is empty");
        http_request request{"POST", where_.target, {{"Content-Type", "application/x-www-form-urlencoded"}}, {}, {}};
        request.body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" + form_encoded(role) +
                       "&RoleSessionName=" + form_encoded(session.empty() ? "coatcheck" : session) +
                       "&WebIdentityToken=" + form_encoded(token);
        if (!sts_) // most stores never need it, and the system's authorities take a while to read
            sts_.emplace(threads_, server_at(where_, "STS"));
        auto reply = co_await sts_->call(request, by);
        if (reply && reply->status != 200)
            co_return unusable("STS refuses the web identity for the role " + role + ": " +
                               xml_text(reply->body, "Code").substr(0, 100));
        const auto body = body_of(std::move(reply), "STS");
        if (!body)
            co_return body.error();
        auto got = read_sts_credentials(*body);
        if (!got)
            co_return unusable("STS: " + got.error().detail);
        co_return found(*std::move(got));
    }

private:
    runtime& threads_;
    endpoint where_;
    std::optional<http_client> sts_;
};

class web_identity_source final : public credential_source {
public:
    web_identity_source(const environment& from, std::shared_ptr<web_identity> sts) : from_(from), sts_(std::move(sts))
    {}

    awaitable<result<found>> fetch(deadline by) override
    {
        if (from_.web_identity_file.empty())
            co_return std::nullopt;
        if (from_.role.empty())
            co_return unusable("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
        co_return co_await sts_->assume(from_.role, from_.web_identity_file, from_.session_name, by);
    }

private:
    const environment from_;
    const std::shared_ptr<web_identity> sts_;
};

class profile_source final : public credential_source {
public:
    profile_source(const environment& from, std::shared_ptr<web_identity> sts) : from_(from), sts_(std::move(sts)) {}

    awaitable<result<found>> fetch(deadline by) override
    {
        const std::string name = from_.profile.empty() ? "default" : from_.profile;
        auto settings = find_profile(read_file(from_.shared).value_or(""), name, false);
        settings.merge(find_profile(read_file(from_.configured).value_or(""), name, true));
        const auto key = settings.find("aws_access_key_id");
        const auto secret = settings.find("aws_secret_access_key");
        if (key != settings.end() && secret != settings.end())
            co_return found({key->second, secret->second, settings["aws_session_token"], {}});
        if (settings.contains("web_identity_token_file") && settings.contains("role_arn"))
            co_return co_await sts_->assume(settings["role_arn"], settings["web_identity_token_file"],
                                            settings["role_session_name"], by);
        for (const auto* other :
             {"credential_process", "source_profile", "credential_source", "sso_session", "sso_start_url"})
            if (settings.contains(other))
                co_return unusable("the AWS profile '" + name + "' wants " + other + ", which is not supported");
        if (!from_.profile.empty())
            co_return unusable("the AWS profile '" + name + "' has no credentials");
        co_return std::nullopt;
    }

private:
    const environment from_;
    const std::shared_ptr<web_identity> sts_;
};

// Of ECS, EKS and others: an agent beside the container hands the credentials out.
class container_source final : public credential_source {
public:
    container_source(const environment& from, runtime& threads) : from_(from)
    {
        if (!from_.container_path.empty())
            where_ =
                parse_endpoint("http://169.254.170.2" + from_.container_path, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        else if (!from_.container_url.empty())
            where_ = parse_endpoint(from_.container_url, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        else
            return;
        // The token of the container must not go over a network in the clear.
        constexpr std::string_view known[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost", "::1"};
        if (!where_.tls && !where_.host.starts_with("127.") && std::ranges::find(known, where_.host) == std::end(known))
            throw std::invalid_argument(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is https, or at an address of this machine");
        agent_.emplace(threads, server_at(where_, "the container's credentials"));
    }

    awaitable<result<found>> fetch(deadline by) override
    {
        if (!agent_)
            co_return std::nullopt;
        http_request request{"GET", where_.target, {}, {}, {}};
        auto token = from_.container_token;
        if (!from_.container_token_file.empty()) {
            token = read_token(from_.container_token_file);
            if (token.empty())
                co_return unusable("the file '" + from_.container_token_file + "' cannot be read, or is empty");
        }
        if (!token.empty())
            request.headers.push_back({"Authorization", token});
        const auto body = body_of(co_await agent_->call(request, by), "the container's credentials");
        if (!body)
            co_return body.error();
        auto got = read_json_credentials(*body);
        if (!got)
            co_return unusable("the container's credentials: " + got.error().detail);
        co_return found(*std::move(got));
    }

private:
    const environment from_;
    endpoint where_;
    std::optional<http_client> agent_;
};

// The role of a machine of EC2, by version 2 of its metadata service alone: version 1 hands credentials to whoever can
// make the daemon fetch a URL.
class metadata_source final : public credential_source {
public:
    metadata_source(const environment& from, runtime& threads)
        : where_(parse_endpoint(from.metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT"))
    {
        if (!from.metadata_disabled)
            service_.emplace(threads, server_at(where_, "the instance's metadata"));
    }

    awaitable<result<found>> fetch(deadline by) override
    {
        if (!service_)
            co_return std::nullopt;
        constexpr int attempts = 2;
        auto got = co_await ask(by);
        for (int i = 1; i < attempts && !got; ++i)
            got = co_await ask(by);
        co_return got;
    }

private:
    // An answer from the machine's own host is there at once or not at all.
    static constexpr auto patience = 1s;

    awaitable<result<std::string>> get(std::string method, std::string path, http_header header, deadline by)
    {
        http_request request{std::move(method), std::move(path), {std::move(header)}, {}, {}};
        auto reply = co_await service_->call(request, std::min(by, std::chrono::steady_clock::now() + patience));
        co_return body_of(std::move(reply), "the instance's metadata");
    }

    awaitable<result<found>> ask(deadline by)
    {
        const auto token = co_await get("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds", "60"}, by);
        if (!token)
            co_return token.error();
        const http_header proof{"X-aws-ec2-metadata-token", *token};
        std::string path = "/latest/meta-data/iam/security-credentials/";
        const auto role = co_await get("GET", path, proof, by);
        if (!role || role->empty())
            co_return unusable("the instance's metadata names no role");
        const auto body = co_await get("GET", path + role->substr(0, role->find('\n')), proof, by);
        if (!body)
            co_return body.error();
        auto got = read_json_credentials(*body);
        if (!got)
            co_return unusable("the instance's metadata: " + got.error().detail);
        co_return found(*std::move(got));
    }

    endpoint where_;
    std::optional<http_client> service_;
};

} // namespace

credential_sources make_credential_sources(const environment& from, const std::string& region, runtime& threads)
{
    const auto sts = std::make_shared<web_identity>(from, region, threads);
    credential_sources all;
    all.push_back(std::make_unique<environment_source>(from));
    all.push_back(std::make_unique<web_identity_source>(from, sts));
    all.push_back(std::make_unique<profile_source>(from, sts));
    all.push_back(std::make_unique<container_source>(from, threads));
    all.push_back(std::make_unique<metadata_source>(from, threads));
    return all;
}

} // namespace coatcheck::dynamodb
