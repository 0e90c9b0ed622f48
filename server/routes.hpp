#pragma once
// From a request target to what it names. The table of resources and methods is here.

#include "proto/error.hpp"
#include "server/request.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

enum class resource : std::uint8_t {
    sessions,       // /v1/sessions
    session,        // /v1/session, /v1/sessions/{id}
    session_touch,  // …/touch
    session_meta,   // …/meta
    session_rotate, // …/rotate
    session_lock,   // …/lock
    handle,         // /v1/handles/{handle}
    end_all,        // /v1/stores/{store}/end-all
    events,         // /v1/events
    stores,         // /v1/stores
    healthz,
    readyz,
    metrics,
    server, // *
    unknown,
};
constexpr std::size_t resource_count = 15;

// As metrics and logs name it: the path's pattern, never the path.
std::string_view name_of(resource r) noexcept;

// The methods that a resource takes, as an Allow field has them.
std::string_view allowed_methods(resource r) noexcept;

// Whether the contract gives `r` a meaning for `m`.
bool allows(resource r, method m) noexcept;

struct route {
    resource what = resource::unknown;
    std::string_view store = "default";
    std::string_view id; // of the path, percent-decoded; empty for the form with the Session-Id field
    bool id_in_path = false;
    std::string_view query; // without its question mark
};

// Whether the query is this parameter, which takes no value: "peek", or "peek=" as most HTTP libraries write it.
bool has_flag(const route& r, std::string_view name) noexcept;

// `decoded` keeps the path if it had percent-encoded characters; it must outlive the route. A malformed encoding gives
// nullopt.
std::optional<route> find_route(std::string_view target, std::string& decoded);

} // namespace coatcheck
