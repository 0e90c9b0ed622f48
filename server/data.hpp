#pragma once
// Bodies: what a caller sent and what it takes, by Content-Type and Accept (RFC 9110 §12).

#include "proto/error.hpp"
#include "proto/json_msgpack.hpp"
#include "server/request.hpp"
#include "server/response.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace coatcheck {

// The representation of data that `accept` prefers, JSON if it does not care; nullopt if it takes neither.
std::optional<media_type> negotiate(std::string_view accept, bool has_accept);

// The media type of a body, or nullopt for one that is not taken. No Content-Type counts as JSON.
std::optional<media_type> body_type(const request& r);

// The same for a body that is a merge patch: application/merge-patch+json (RFC 7396) is JSON here, plain JSON is not
// taken, since it does not say what it does.
std::optional<media_type> patch_type(const request& r);

// Whether `prefer` asks for return=minimal (RFC 7240 §4.2).
bool prefers_minimal(std::string_view prefer) noexcept;

// The body as MessagePack, appended to `out`.
data_result<void> read_data(std::string_view body, media_type type, const data_limits& limits, std::string& out);

// `msgpack`, which may be damaged, as `type`, appended to `out`.
data_result<void> write_data(std::string_view msgpack, media_type type, const data_limits& limits, std::string& out);

} // namespace coatcheck
