#pragma once
// What AWS's environment variables say, read once.

#include <functional>
#include <optional>
#include <string>

namespace coatcheck::dynamodb {

struct environment {
    std::string key_id;     // AWS_ACCESS_KEY_ID
    std::string secret;     // AWS_SECRET_ACCESS_KEY
    std::string token;      // AWS_SESSION_TOKEN
    std::string profile;    // AWS_PROFILE
    std::string shared;     // AWS_SHARED_CREDENTIALS_FILE, or ~/.aws/credentials; empty without a home
    std::string configured; // AWS_CONFIG_FILE, or ~/.aws/config; likewise

    std::string web_identity_file; // AWS_WEB_IDENTITY_TOKEN_FILE
    std::string role;              // AWS_ROLE_ARN
    std::string session_name;      // AWS_ROLE_SESSION_NAME
    std::string sts;               // AWS_ENDPOINT_URL_STS; empty: the region's

    std::string container_path;       // AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
    std::string container_url;        // AWS_CONTAINER_CREDENTIALS_FULL_URI
    std::string container_token;      // AWS_CONTAINER_AUTHORIZATION_TOKEN
    std::string container_token_file; // AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE

    std::string metadata;           // AWS_EC2_METADATA_SERVICE_ENDPOINT, or the address that every machine of EC2 has
    bool metadata_disabled = false; // AWS_EC2_METADATA_DISABLED
};

// `get` gives a variable's value; nullopt if it is not set.
environment read_environment(const std::function<std::optional<std::string>(const char*)>& get);

// That of the process.
environment read_environment();

} // namespace coatcheck::dynamodb
