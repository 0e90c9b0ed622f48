#include "server/preconditions.hpp"

#include <algorithm>
#include <charconv>

namespace coatcheck {

namespace {

std::optional<version> own_version(std::string_view opaque) noexcept
{
    version v;
    if (opaque.size() != 16 ||
        !std::ranges::all_of(opaque, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }))
        return std::nullopt;
    std::from_chars(opaque.data(), opaque.data() + opaque.size(), v.bits, 16);
    return v;
}

void skip_spaces(std::string_view& s) noexcept
{
    s.remove_prefix(std::min(s.find_first_not_of(" \t"), s.size()));
}

} // namespace

bool tag_list::contains(version v) const noexcept
{
    return any || std::ranges::find(tags, v) != tags.end();
}

std::optional<tag_list> parse_tags(std::string_view value, comparison how)
{
    tag_list list;
    skip_spaces(value);
    if (value == "*") {
        list.any = true;
        return list;
    }
    bool found = false;
    for (skip_spaces(value); !value.empty(); skip_spaces(value)) {
        if (value.front() == ',') { // RFC 9110 §5.6.1: empty elements of a list are ignored
            value.remove_prefix(1);
            continue;
        }
        const bool weak = value.starts_with("W/");
        if (weak)
            value.remove_prefix(2);
        const auto close = value.starts_with('"') ? value.find('"', 1) : value.npos;
        if (close == value.npos)
            return std::nullopt;
        found = true;
        const auto v = own_version(value.substr(1, close - 1));
        if (v && !(weak && how == comparison::strong))
            list.tags.push_back(*v);
        value.remove_prefix(close + 1);
        skip_spaces(value);
        if (!value.empty() && value.front() != ',')
            return std::nullopt;
    }
    return found ? std::optional(std::move(list)) : std::nullopt;
}

} // namespace coatcheck
