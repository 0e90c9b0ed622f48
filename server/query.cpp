#include "server/query.hpp"

#include <algorithm>
#include <charconv>

namespace coatcheck {

namespace {

bool decode(std::string_view text, std::string& out)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+')
            return false;
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned char byte = 0;
        const auto* digits = text.data() + i + 1;
        if (i + 2 >= text.size() || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2 || byte == 0)
            return false;
        out.push_back(static_cast<char>(byte));
        i += 2;
    }
    return true;
}

} // namespace

bool parse_query(std::string_view query, std::initializer_list<query_parameter> known)
{
    while (!query.empty()) {
        const auto one = query.substr(0, query.find('&'));
        if (one.size() + 1 == query.size())
            return false; // nothing behind the &
        query.remove_prefix(std::min(query.size(), one.size() + 1));
        const auto equals = one.find('=');
        const auto* found = std::ranges::find(known, one.substr(0, equals), &query_parameter::name);
        if (equals == one.npos || equals + 1 == one.size() || found == known.end() || found->value)
            return false;
        if (!decode(one.substr(equals + 1), found->value.emplace()))
            return false;
    }
    return true;
}

} // namespace coatcheck
