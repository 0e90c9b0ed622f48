#pragma once
// What the handlers of sessions have in common.

#include "server/data.hpp"
#include "server/problem.hpp"
#include "server/service.hpp"

#include <optional>

namespace coatcheck {

// The store of that name, if the caller has the scope there. Or null, and `x.out` is the problem.
sessions* permitted_store(service& s, exchange& x, std::string_view name, scope needed);

// The session that the request names. Or nothing, and `x.out` is the problem.
std::optional<session_key> named_session(const service& s, exchange& x);

// The session whose handle the path has. Or nothing, and `x.out` is the problem.
std::optional<session_key> named_handle(exchange& x);

// The id that named_session() has found good.
std::string_view named_id(const exchange& x);

// The value of the Session-Lock field, which the request has. Or nothing, and `x.out` is the problem.
std::optional<std::uint64_t> parse_lock_token(exchange& x);

// The Session-* fields of a write. Or nothing, and `x.out` is the problem.
std::optional<session_settings> sent_settings(const service& s, exchange& x);

// The body as MessagePack. Or false, and `x.out` is the problem.
bool read_body(const service& s, exchange& x, std::string& msgpack);

// The same for a merge patch.
bool read_patch(const service& s, exchange& x, std::string& msgpack);

constexpr std::string_view if_match_hint =
    "If-Match must be * or a list of entity tags in quotes, as the ETag field had them.";

// 412 with the version that is there.
void show_conflict(exchange& x, const head& there);

// The answer to a write that was refused.
void show_refusal(exchange& x, const write& refused);

// 413 of a session that is larger than the store takes.
void show_too_large(const service& s, exchange& x, const sessions& store);

// The representation to answer in. Or nothing, and `x.out` is the problem (406).
std::optional<media_type> accepted_type(exchange& x);

// Refuses the preconditions that the resource does not take: one that was ignored would be a lost update.
bool refuse_preconditions(exchange& x, std::initializer_list<list_field> fields);

// ETag and Session-Expires-In.
void show_head(response& r, const head& h, time_point now);

// `msgpack` in the accepted representation, as the body; a record whose payload is damaged becomes the problem.
void show_data(exchange& x, std::string_view msgpack, media_type type);

} // namespace coatcheck
