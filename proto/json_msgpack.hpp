#pragma once
// The data of a session as JSON and as MessagePack: the lossless view of proto/README.md, both ways, without a tree in
// between. At rest and for adapters it is MessagePack; JSON is what people and curl see.

#include "proto/error.hpp"

#include <boost/system/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace coatcheck {

struct data_limits {
    std::size_t depth = 64;        // nested maps and arrays, the outermost one included; each takes some stack
    std::size_t bytes = 1U << 20U; // of the MessagePack form, up to max_document_bytes
};

// No document of either form may be larger, whatever the limits.
constexpr std::size_t max_document_bytes = 1U << 29U;

// Why data was refused: errc::malformed, errc::not_a_map or errc::too_large, with the byte of the input where it shows.
// `reason` is a sentence for the caller, without any of the input; it points to a literal.
struct data_error {
    errc code;
    std::size_t offset;
    std::string_view reason;
};

template <class T>
using data_result = boost::system::result<T, data_error>;

[[noreturn]] void throw_exception_from_error(const data_error& e, const boost::source_location& where);

// Each appends to `out`, which is unspecified after a failure. All are thread safe and keep their working memory per
// thread, so that the steady state allocates nothing but what `out` needs.

// `json` must be one object (RFC 8259, UTF-8). Of duplicate keys the last one wins. Integers keep 64 bits.
data_result<void> json_to_msgpack(std::string_view json, const data_limits& limits, std::string& out);

// `msgpack` must be one map with string keys, as json_to_msgpack and normalize_msgpack make it.
data_result<void> msgpack_to_json(std::string_view msgpack, const data_limits& limits, std::string& out);

// What a caller sent as MessagePack, checked for the same rules: one map with string keys, valid UTF-8 in strings,
// depth, no byte left over; of duplicate keys in a map the last one wins. Numbers and strings keep the width of their
// encoding; keys, and the headers of maps and arrays, take the shortest.
data_result<void> normalize_msgpack(std::string_view msgpack, const data_limits& limits, std::string& out);

} // namespace coatcheck
