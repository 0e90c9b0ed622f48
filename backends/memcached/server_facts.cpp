#include "backends/memcached/server_facts.hpp"

#include "backends/memcached/command.hpp"

#include <algorithm>
#include <charconv>

namespace coatcheck::memcached {

std::size_t server_facts::largest_value(std::size_t key) const noexcept
{
    const std::size_t around = item_overhead + key;
    const std::size_t item = item_size;
    return item > around ? std::min(item - around, max_value) : 0;
}

void settings_reader::read(std::string_view name, std::string_view value) noexcept
{
    if (name == "evictions") {
        evicts = value != "off";
    } else if (name == "cas_enabled") {
        swaps = value != "no";
    } else if (name == "item_size_max") {
        std::size_t size = 0;
        const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), size);
        if (ec == std::errc() && end == value.data() + value.size())
            item_size = size;
    }
}

} // namespace coatcheck::memcached
