#pragma once
// Protocol Buffers' wire format, without I/O: as much of it as App Engine's services speak, proto2's groups included.
// https://protobuf.dev/programming-guides/encoding/

#include "proto/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::appengine {

enum class wire_type : std::uint8_t { varint = 0, fixed64 = 1, length = 2, group = 3, end_group = 4, fixed32 = 5 };

// Builds a message, field by field.
class message {
public:
    message& varint(unsigned field, std::uint64_t value);
    message& fixed32(unsigned field, std::uint32_t value);
    message& fixed64(unsigned field, std::uint64_t value);
    message& bytes(unsigned field, std::string_view value); // strings and messages too
    message& group(unsigned field, const message& content);

    const std::string& str() const noexcept { return bytes_; }

private:
    void append_varint(std::uint64_t value);
    void append_tag(unsigned field, wire_type type);

    std::string bytes_;
};

struct field {
    unsigned number = 0;
    wire_type type = wire_type::varint;
    std::uint64_t value = 0;     // of varint, fixed32, fixed64
    std::string_view bytes = {}; // of length; of group, what is between its tags
};

// The fields of a message in their order.
class field_reader {
public:
    // `message` must outlive the reader and what it returns.
    explicit field_reader(std::string_view message) noexcept : left_(message) {}

    // The next field; nothing at the end. A failure (errc::unavailable) is final: this is no message.
    result<std::optional<field>> next();

private:
    std::string_view left_;
};

} // namespace coatcheck::appengine
