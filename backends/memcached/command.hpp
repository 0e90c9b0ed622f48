#pragma once
// What a driver asks of a memcached server and what that answers, in whichever of its two protocols.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace coatcheck::memcached {

enum class wire : std::uint8_t {
    text,
    binary, // what a server that demands SASL speaks, and nothing else
};

struct command {
    enum class verb : std::uint8_t {
        get,
        add,    // only where there is nothing
        swap,   // only where the CAS unique still holds, as all that follow
        remove, //
        bury,   // marks the item as stale and sets its lifetime, which takes no memory; text alone
        ping,
    };

    wire form = wire::text;
    verb what = verb::ping;
    std::uint32_t opaque = 0; // comes back with the reply
    std::string_view key = {};
    std::string_view value = {};
    std::uint64_t cas = 0; // never 0 where it is tested
    std::uint32_t exptime = 0;
};

struct reply {
    enum class type : std::uint8_t {
        value,
        done,
        missing,
        changed, // the CAS unique does not hold any more
        exists,  // what was to be added
        alive,   // a ping's
        full,
        too_large,
        error,   // of the server's; what was asked is not done
        refused, // the command itself; the place in a text connection is lost
        version,
        statistic, // `name` and `text`
        statistics_end,
        mechanisms, // of SASL
        unauthorized,
    };
    // Which commands it can answer.
    enum class family : std::uint8_t { get, store, remove, ping, other, any };

    type what = type::error;
    family answers = family::any;
    std::optional<std::uint32_t> opaque = {}; // memcached repeats it in most
    std::string_view name = {};               // of a statistic
    std::string_view text = {};               // of a value, a version, an error, …
    std::uint64_t cas = 0;
    std::int64_t seconds_left = -1; // of a value; -1: it is kept for ever
    bool buried = false;
};

constexpr reply::family family_of(command::verb what) noexcept
{
    switch (what) {
    case command::verb::get:
        return reply::family::get;
    case command::verb::add:
    case command::verb::swap:
        return reply::family::store;
    case command::verb::remove:
    case command::verb::bury:
        return reply::family::remove;
    case command::verb::ping:
        break;
    }
    return reply::family::ping;
}

constexpr std::size_t max_key = 250; // bytes; neither spaces nor control characters

// The most bytes that a value may have, whatever the server's -I, so that a confused server cannot fill the memory.
constexpr std::size_t max_value = std::size_t{64} << 20;

} // namespace coatcheck::memcached
