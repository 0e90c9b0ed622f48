#pragma once
// Query parameters that have a value.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

struct query_parameter {
    std::string_view name;
    std::optional<std::string>& value;
};

// Fills in the percent-decoded values of those of `known` that `query` has. False, and they are unspecified, if it has
// another one, one twice, one without a value, a malformed percent-encoding, %00, or a bare `+`, which is a space to
// some libraries and a plus to others.
bool parse_query(std::string_view query, std::initializer_list<query_parameter> known);

} // namespace coatcheck
