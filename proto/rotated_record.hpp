#pragma once
// What the two records of a rotation keep as their payloads (proto/README.md has the layouts): the old id's, an alias,
// leads to the new one; the new id's says where it comes from as long as it is pending.

#include "proto/error.hpp"
#include "proto/session_id.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// `target` is the handle of `new_id`, which is encrypted under a key derived from `old_id`: whoever lacks the old id
// does not learn the new one. Throws std::runtime_error if OpenSSL cannot.
std::string make_alias(const handle& target, std::string_view old_id, std::string_view new_id);

// Nothing if the payload is that of no alias.
std::optional<handle> alias_target(std::string_view payload);

// The new id; errc::corrupt if the payload is no alias that was made for `old_id`.
result<std::string> open_alias(std::string_view payload, std::string_view old_id);

// Bytes that a pending record's payload is larger than the data.
constexpr std::size_t pending_overhead = handle::length;

std::string make_pending(const handle& source, std::string_view data);

// The parts of a pending record's payload, which must outlive `data`.
struct pending_payload {
    handle source;         // of the old id
    std::string_view data; // the session's
};

// Nothing if the payload is that of no pending record.
std::optional<pending_payload> parse_pending(std::string_view payload);

} // namespace coatcheck
