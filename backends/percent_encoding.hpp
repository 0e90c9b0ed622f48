#pragma once
// Percent-encoding (RFC 3986 §2.1).

#include <string>
#include <string_view>

namespace coatcheck {

// Appends `text` with every byte encoded that is neither unreserved (RFC 3986 §2.3) nor one of `allowed`.
inline void percent_encode_to(std::string& out, std::string_view text, std::string_view allowed = {})
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (unreserved.find(c) != unreserved.npos || allowed.find(c) != allowed.npos)
            out += c;
        else
            out.append({'%', digits[byte >> 4U], digits[byte & 15U]});
    }
}

} // namespace coatcheck
