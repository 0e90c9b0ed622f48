#pragma once
// JSON Merge Patch over MessagePack.

#include "proto/json_msgpack.hpp"

#include <string>
#include <string_view>

namespace coatcheck {

// `target` changed as `patch` says (RFC 7396), appended to `out`, which is unspecified after a failure. Both are one
// map with string keys, as json_to_msgpack and normalize_msgpack make it; keys keep the target's order, new ones follow
// in the patch's. A map with keys that are not strings is an atom: it is replaced whole, and what is nil in it stays.
// Fails with errc::too_large if the result passes `limits.bytes`. Thread safe.
data_result<void> merge_patch(std::string_view target, std::string_view patch, const data_limits& limits,
                              std::string& out);

} // namespace coatcheck
