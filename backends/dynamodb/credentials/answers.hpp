#pragma once
// What the services that hand out credentials say, without I/O. Nothing of an answer is quoted: it may be a secret.

#include "backends/dynamodb/credentials/credentials.hpp"
#include "proto/error.hpp"

#include <string>
#include <string_view>

namespace coatcheck::dynamodb {

// JSON as the instance's metadata and containers have it.
result<credentials> read_json_credentials(std::string_view body);

// STS's answer to AssumeRoleWithWebIdentity.
result<credentials> read_sts_credentials(std::string_view body);

// The text of the first element of that name; empty if there is none.
std::string xml_text(std::string_view document, std::string_view name);

// application/x-www-form-urlencoded.
std::string form_encoded(std::string_view text);

} // namespace coatcheck::dynamodb
