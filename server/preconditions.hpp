#pragma once
// If-Match and If-None-Match (RFC 9110 §13.1).

#include "proto/error.hpp"
#include "proto/record.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace coatcheck {

// A field's value: `*`, or entity tags. A tag that cannot be one of Coatcheck's (another form, or weak where strong
// comparison is asked) matches nothing and is left out.
struct tag_list {
    bool any = false;
    std::vector<version> tags;

    bool contains(version v) const noexcept;
};

enum class comparison : std::uint8_t { strong, weak };

// nullopt if the value is neither `*` nor a list of entity tags.
std::optional<tag_list> parse_tags(std::string_view value, comparison how);

} // namespace coatcheck
