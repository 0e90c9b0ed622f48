#pragma once
// App Engine's memcache, as a test that does without the driver sees it.

#include "backends/backend.hpp"
#include "tests/support/server.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::conformance {

std::string appengine_at(std::uint16_t port, const std::string& query = {});

// The key under which a session is kept.
std::string appengine_key(const session_key& key);

// What the call answers; the server must accept it.
std::string call_appengine(const testing::server& server, std::string_view method, std::string_view content);

// When the memcache forgets the session, in seconds since 1970; nothing if it has none.
std::optional<std::int64_t> forgotten_at(const testing::server& server, const session_key& key);

} // namespace coatcheck::conformance
