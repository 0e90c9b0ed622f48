#include "backends/dynamodb/credentials/environment.hpp"

#include <cstdlib>

namespace coatcheck::dynamodb {

environment read_environment(const std::function<std::optional<std::string>(const char*)>& get)
{
    const auto text = [&](const char* name) { return get(name).value_or(std::string()); };
    const auto home = text("HOME");
    const auto file = [&](const char* name, const char* below_home) {
        auto given = text(name);
        if (given.starts_with("~/") && !home.empty())
            return home + given.substr(1);
        return given.empty() && !home.empty() ? home + below_home : given;
    };
    environment e;
    e.key_id = text("AWS_ACCESS_KEY_ID");
    e.secret = text("AWS_SECRET_ACCESS_KEY");
    e.token = text("AWS_SESSION_TOKEN");
    e.profile = text("AWS_PROFILE");
    e.shared = file("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials");
    e.configured = file("AWS_CONFIG_FILE", "/.aws/config");
    e.web_identity_file = text("AWS_WEB_IDENTITY_TOKEN_FILE");
    e.role = text("AWS_ROLE_ARN");
    e.session_name = text("AWS_ROLE_SESSION_NAME");
    e.sts = text("AWS_ENDPOINT_URL_STS");
    e.container_path = text("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    e.container_url = text("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    e.container_token = text("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    e.container_token_file = text("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    e.metadata = text("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (e.metadata.empty()) {
        const auto mode = text("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        e.metadata = mode == "IPv6" || mode == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }
    const auto disabled = text("AWS_EC2_METADATA_DISABLED");
    e.metadata_disabled = disabled == "true" || disabled == "True" || disabled == "TRUE";
    return e;
}

environment read_environment()
{
    return read_environment([](const char* name) -> std::optional<std::string> {
        const char* const value = std::getenv(name);
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    });
}

} // namespace coatcheck::dynamodb
