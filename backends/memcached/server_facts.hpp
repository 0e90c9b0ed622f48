#pragma once
// What a memcached server says about itself.

#include <atomic>
#include <cstddef>
#include <string_view>

namespace coatcheck::memcached {

// memcached's own default, for as long as a server has not said.
constexpr std::size_t default_item_size = std::size_t{1} << 20;

// What an item takes beyond its key and value: 59 bytes in memcached 1.6 on 64-bit machines, and room for more.
constexpr std::size_t item_overhead = 128;

// As the server said when last connected to. Thread safe.
struct server_facts {
    std::atomic<bool> known{false};
    std::atomic<bool> evicts{true};
    std::atomic<std::size_t> item_size{default_item_size}; // -I: what an item may take

    // The largest value that is sent to it under a key of so many bytes. memcached refuses a larger one.
    std::size_t largest_value(std::size_t key) const noexcept;
};

// One answer to `stats settings`, of the many.
struct settings_reader {
    bool evicts = true;
    bool swaps = true; // cas_enabled: not started with -C
    std::size_t item_size = default_item_size;

    void read(std::string_view name, std::string_view value) noexcept;
};

} // namespace coatcheck::memcached
