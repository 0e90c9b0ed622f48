#pragma once
// Who signs.

#include "proto/record.hpp"

#include <optional>
#include <string>

namespace coatcheck::dynamodb {

struct credentials {
    std::string key_id;
    std::string secret;
    std::string token;                 // of a session; empty: none
    std::optional<time_point> expires; // unset: never
};

} // namespace coatcheck::dynamodb
