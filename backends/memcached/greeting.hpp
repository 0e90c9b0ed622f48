#pragma once
// What a new connection says first: which protocol, who we are, and what the server can promise.

#include "backends/memcached/memcached_config.hpp"
#include "backends/memcached/server_facts.hpp"
#include "backends/transport/stream.hpp"
#include "proto/error.hpp"

namespace coatcheck::memcached {

// Fails with errc::unavailable. `speaks_no_text` becomes true if the server closed the connection without a word, as
// one that demands SASL does.
awaitable<result<settings_reader>> greet_in_text(stream& connection, const config& settings, bool& speaks_no_text);

// For a server that demands SASL. Fails with errc::unavailable. `demands_no_sasl` becomes true if it does not.
awaitable<result<settings_reader>> greet_in_binary(stream& connection, const config& settings, bool& demands_no_sasl);

} // namespace coatcheck::memcached
