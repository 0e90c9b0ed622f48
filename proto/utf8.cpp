#include "proto/utf8.hpp"

#include "proto/short_text.hpp"

#include <boost/locale/utf.hpp>

#include <cstdint>

namespace coatcheck {

std::size_t utf8_char_length(std::string_view text) noexcept
{
    namespace utf = boost::locale::utf;
    const char* at = text.data();
    const auto c = utf::utf_traits<char>::decode(at, text.data() + text.size());
    return c == utf::illegal || c == utf::incomplete ? 0 : static_cast<std::size_t>(at - text.data());
}

std::size_t valid_utf8_prefix(std::string_view text) noexcept
{
    constexpr std::uint64_t beyond_ascii = 0x8080808080808080U;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::string_view eight = text.substr(at, 8);
        if ((gather(eight) & beyond_ascii) == 0) {
            at += eight.size();
            continue;
        }
        do {
            const std::size_t n = utf8_char_length(text.substr(at));
            if (n == 0)
                return at;
            at += n;
        } while (at < text.size() && static_cast<unsigned char>(text[at]) >= 0x80);
    }
    return at;
}

} // namespace coatcheck
