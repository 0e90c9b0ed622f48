#include "tests/conformance/dynamodb_server.hpp"

#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace coatcheck::conformance {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view target = "X-Amz-Target: DynamoDB_20120810.";

std::string operation_of(const std::string& request)
{
    const auto at = request.find(target) + target.size();
    return request.substr(at, request.find('\r', at) - at);
}

} // namespace

std::string dynamodb_at(std::uint16_t port)
{
    ::setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    return "dynamodb://eu-central-1/sessions?endpoint=http://127.0.0.1:" + std::to_string(port);
}

dynamodb_shell::dynamodb_shell(std::uint16_t port)
    : http_(run_.threads(), {"the DynamoDB of the test", {"127.0.0.1", port, {}}, nullptr})
{}

json::object dynamodb_shell::operator()(std::string_view operation, const json::object& body)
{
    const http_request request{
        "POST",
        "/",
        {{"X-Amz-Target", "DynamoDB_20120810." + std::string(operation)},
         {"Content-Type", "application/x-amz-json-1.0"},
         {"Authorization", "AWS4-HMAC-SHA256 Credential=a/20200101/eu-central-1/dynamodb/aws4_request, "
                           "SignedHeaders=host, Signature=b"}},
        json::serialize(body),
        effect::reads};
    const auto reply = run_.wait(http_.call(request, std::chrono::steady_clock::now() + 20s));
    if (!reply)
        throw std::runtime_error(reply.error().detail);
    return json::parse(reply->body).as_object();
}

std::string dynamodb_shell::attribute(const std::string& handle, std::string_view name, std::string_view type)
{
    const auto got = (*this)("GetItem", {{"TableName", "sessions"}, {"Key", {{"handle", {{"S", handle}}}}}});
    const auto* const item = got.if_contains("Item");
    const auto* const value = item != nullptr ? item->as_object().if_contains(name) : nullptr;
    return value != nullptr ? std::string(value->as_object().at(type).as_string()) : "";
}

std::string dynamodb_shell::forward(const std::string& request)
{
    const auto body = request.find("\r\n\r\n") + 4;
    http_request again{"POST", "/", {}, request.substr(body), effect::reads};
    for (auto at = request.find("\r\n") + 2; at != body - 2; at = request.find("\r\n", at) + 2) {
        const auto colon = request.find(": ", at);
        const auto name = request.substr(at, colon - at);
        if (name != "Host" && name != "Content-Length")
            again.headers.push_back({name, request.substr(colon + 2, request.find("\r\n", at) - colon - 2)});
    }
    const auto reply = run_.wait(http_.call(again, std::chrono::steady_clock::now() + 20s));
    return reply ? http_stub::reply(reply->body, std::to_string(reply->status) + " Reason") : std::string();
}

meddler::meddler(std::uint16_t server) : server_(server), stub_([this](const auto& request) { return answer(request); })
{}

void meddler::instead(std::string operation, int count, std::string reply)
{
    const std::lock_guard lock(mutex_);
    operation_ = std::move(operation);
    left_ = count;
    does_it_ = false;
    reply_ = std::move(reply);
}

void meddler::after(std::string operation, std::string reply)
{
    instead(std::move(operation), 1, std::move(reply));
    const std::lock_guard lock(mutex_);
    does_it_ = true;
}

std::vector<std::string> meddler::calls()
{
    const auto requests = stub_.requests();
    std::vector<std::string> names;
    for (; seen_ < requests.size(); ++seen_)
        if (auto name = operation_of(requests[seen_]); name != "DescribeTimeToLive")
            names.push_back(std::move(name));
    return names;
}

std::string meddler::error(std::string_view status, std::string_view type, std::string_view message)
{
    const json::object body{{"__type", "com.amazonaws.dynamodb.v20120810#" + std::string(type)},
                            {"message", std::string(message)}};
    return http_stub::reply(json::serialize(body), status);
}

std::string meddler::answer(const std::string& request)
{
    std::string instead;
    {
        const std::lock_guard lock(mutex_);
        if (left_ > 0 && operation_of(request) == operation_) {
            --left_;
            if (!does_it_)
                return reply_;
            instead = reply_;
        }
    }
    const auto reply = server_.forward(request);
    return instead.empty() ? reply : instead;
}

} // namespace coatcheck::conformance
