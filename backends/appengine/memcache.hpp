#pragma once
// App Engine's memcache service behind its API proxy, without I/O: requests to bytes, bytes to answers.
// The messages are those of Google's SDKs (remote_api.proto, memcache_service.proto).

#include "backends/transport/effect.hpp"
#include "proto/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::appengine {

enum class policy : std::uint8_t {
    add = 2, // only where there is nothing
    cas = 4, // only where `cas_id` still holds
};

struct item {
    std::string_view key;
    std::string_view value;
    policy when = policy::add;
    std::uint32_t expiration = 0; // seconds: up to 30 days from now, beyond that since 1970
    std::uint64_t cas_id = 0;
};

// What goes into a call.
std::string get_message(std::string_view name_space, std::string_view key);
std::string set_message(std::string_view name_space, const item& what);

// A call, as the proxy takes it.
std::string call_message(std::string_view method, std::string_view content, std::string_view ticket);

// What came out of a call, as a view of `bytes`. A refusal of the proxy's or of the service's is a failure: as `does`
// has it, errc::timed_out where a write may have landed.
result<std::string_view> read_answer(std::string_view bytes, effect does);

struct found {
    std::string_view value; // of the bytes that were read
    std::uint64_t cas_id;
};

// Nothing if there is none. A service that could not look is a failure.
result<std::optional<found>> read_get(std::string_view content, std::string_view key);

// Whether the item was stored; false if its policy forbade it.
result<bool> read_set(std::string_view content);

} // namespace coatcheck::appengine
