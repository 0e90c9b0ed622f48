#include "backends/redis/slots.hpp"

#include <array>
#include <charconv>

namespace coatcheck::redis {

namespace {

constexpr auto crc_table = [] {
    constexpr std::uint16_t polynomial = 0x1021;
    std::array<std::uint16_t, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        auto crc = static_cast<std::uint16_t>(i << 8U);
        for (int bit = 0; bit < 8; ++bit)
            crc = static_cast<std::uint16_t>((crc & 0x8000U) != 0 ? (crc << 1U) ^ polynomial : crc << 1U);
        table[i] = crc;
    }
    return table;
}();

std::optional<std::uint16_t> port_of(std::int64_t number) noexcept
{
    if (number < 1 || number > 65535)
        return std::nullopt;
    return static_cast<std::uint16_t>(number);
}

} // namespace

std::uint16_t crc16(std::string_view bytes) noexcept
{
    std::uint16_t crc = 0;
    for (const char c : bytes)
        crc = static_cast<std::uint16_t>((crc << 8U) ^ crc_table[(crc >> 8U) ^ static_cast<unsigned char>(c)]);
    return crc;
}

std::size_t slot_of(std::string_view key) noexcept
{
    if (const auto open = key.find('{'); open != key.npos) {
        const auto close = key.find('}', open);
        if (close != key.npos && close != open + 1)
            key = key.substr(open + 1, close - open - 1);
    }
    return crc16(key) % slot_count;
}

std::string to_string(const node_address& a)
{
    return a.host + ":" + std::to_string(a.port);
}

std::optional<topology> topology_of(const reply& slots, std::string_view asked)
{
    using type = reply::type;
    if (slots.what != type::array)
        return std::nullopt;
    topology all;
    for (const auto& range : slots.elements) {
        const auto parts = range.elements;
        if (parts.size() < 3 || parts[0].what != type::integer || parts[1].what != type::integer)
            return std::nullopt;
        const auto first = parts[0].number;
        const auto last = parts[1].number;
        const auto master = parts[2].elements;
        if (first < 0 || last < first || last >= static_cast<std::int64_t>(slot_count) || master.size() < 2 ||
            (master[0].what != type::string && master[0].what != type::nil))
            return std::nullopt;
        const auto port = port_of(master[1].number);
        if (!port)
            return std::nullopt;
        const auto host = master[0].text.empty() ? asked : master[0].text;
        all.ranges.push_back(
            {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last), {std::string(host), *port}});
    }
    return all;
}

std::optional<redirection> redirection_of(const reply& r, std::string_view asked)
{
    const bool ask = r.is_error("ASK");
    if (!ask && !r.is_error("MOVED"))
        return std::nullopt;
    // An IPv6 address has colons of its own.
    const auto space = r.text.rfind(' ');
    const auto colon = r.text.rfind(':');
    if (space == r.text.npos || colon == r.text.npos || colon < space)
        return std::nullopt;
    const auto digits = r.text.substr(colon + 1);
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const auto port = port_of(number);
    if (ec != std::errc() || end != digits.data() + digits.size() || !port)
        return std::nullopt;
    const auto host = r.text.substr(space + 1, colon - space - 1);
    return redirection{ask, {std::string(host.empty() ? asked : host), *port}};
}

} // namespace coatcheck::redis
