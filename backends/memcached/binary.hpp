#pragma once
// memcached's binary protocol, without I/O: a server that demands SASL speaks no other.
// https://github.com/memcached/memcached/blob/master/protocol_binary.h

#include "backends/memcached/command.hpp"
#include "proto/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coatcheck::memcached::binary {

constexpr char reply_magic = '\x81'; // the first byte of every reply, and of none in text

// What append() adds at most.
std::size_t size(const command& c) noexcept;

// Appends one command, which is not verb::bury.
void append(std::string& out, const command& c);

// For the beginning of a connection.
void append_mechanisms_request(std::string& out);
void append_plain_authentication(std::string& out, std::string_view user, std::string_view password);
void append_statistics_request(std::string& out, std::string_view group);

// As text::parse.
result<std::optional<reply>> parse(std::string_view bytes, std::size_t& used);

} // namespace coatcheck::memcached::binary
